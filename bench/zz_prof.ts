import { openTeam, GOAL } from "./team.ts";
await using team = await openTeam(process.argv[2]!, { concurrency: 16 });
for (let i = 0; i < 8; i++) { const {ms} = await team.run(GOAL); console.log(ms.toFixed(0)); }
