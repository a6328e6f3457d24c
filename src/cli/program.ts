/** The commands: what may be typed, and which file does it. Commands are imported when they run: `--help` costs nothing else. */

import { Command, Option } from "commander";
import { version } from "../../package.json";
import { afterError, ENDING, HELP } from "./help-text.ts";
import { json, positive, rehearse, running, seed, whole, workspace } from "./flags.ts";

/** What a command's file exports: takes its arguments and options, returns the exit code. */
export type Action = (...args: never[]) => Promise<number>;

/** The whole tree. `does` makes what commander calls from what loads a command. */
export function createProgram(does: (load: () => Promise<Action>) => (...args: unknown[]) => Promise<void>): Command {
  const program = new Command("marketeam")
    .description("A self-operating marketing team: say a goal, get planned, reviewed, finished marketing work.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .usage('[options] "goal"\n       marketeam <command> [options]')
    .configureHelp(HELP)
    // Else the program takes every flag that it shares with a command (--workspace, --json, --version) away from it.
    .enablePositionalOptions()
    .argument("[goal...]", "what you want, in one sentence, in quotes")
    .option("--pipeline <name>", "run a named pipeline instead of a free plan; the text is its brief")
    .option("--daemon", "the team day and night: schedules, events, webhooks, until it is stopped")
    .option("--yes", "with --daemon: agree to what the schedules will cost, where nobody can be asked")
    .option("--dry-run", "show the plan and what it would cost; do nothing")
    .option("--confirm", "show the plan and ask before it is run")
    .addOption(new Option("--priority <p>", "P0 (most urgent) to P3").default("P1"))
    .option("--category <name>", "category of the goal, instead of the Director's choice")
    .addOption(new Option("--budget <usd>", "cap of this goal in USD (BUDGET_GOAL)").argParser(positive("--budget")))
    .action(does(async () => (await import("./run.ts")).run as unknown as Action))
    .addHelpText("after", ENDING);
  running(program);

  /** `ids` lists what may be named, where the example's own is only there to be seen. */
  const command = (name: string, description: string, example: string, ids: string | null = null) =>
    program
      .command(name)
      .description(description)
      .showHelpAfterError(afterError(example, ids))
      .addHelpText("after", `\nExample:\n  ${example}`);

  program.commandsGroup("To begin:");
  command(
    "init",
    "make the product context that every agent reads: a dialogue, or from a text you have",
    "marketeam init --from README.md",
  )
    .option("--from <file>", "read this text instead of asking")
    .option("--force", "replace a context that is there (the old one is kept as a version)")
    .addOption(json())
    .addOption(workspace())
    .addOption(rehearse())
    .addOption(seed())
    .action(does(async () => (await import("./init.ts")).init as Action));

  command("doctor", "check this installation: settings, key, store, workspace, caps", "marketeam doctor")
    .addOption(json())
    .addOption(workspace())
    .action(does(async () => (await import("./doctor.ts")).doctor as Action));

  program.commandsGroup("Goals:");
  command("status", "goals and their state, newest first", "marketeam status --json")
    .option("--scorecard", "how well the team did in the last 30 days")
    .addOption(json())
    .addOption(workspace())
    .action(does(async () => (await import("./status.ts")).status as Action));

  command(
    "show [goal]",
    "one goal: plan, tasks, reviews, costs (the last goal unless you name one)",
    "marketeam show last --calls",
  )
    .option("--calls", "every model call: model, tokens by part, cache, cost")
    .option("--reviews", "what the reviewers said of every version")
    .option("--reads", "what was read from outside with tools")
    .option("--prompt <call>", "what filled the prompt of one call")
    .addOption(json())
    .addOption(workspace())
    .action(does(async () => (await import("./show.ts")).show as Action));

  running(
    command("resume [goal]", "go on with a goal that was interrupted or paused", "marketeam resume last --allow 5").addOption(
      new Option("--allow <usd>", "allow this much more than the caps").argParser(positive("--allow")),
    ),
  ).action(does(async () => (await import("./resume.ts")).resume as Action));

  command("cancel <goal>", "stop a goal for good; what is done is kept", "marketeam cancel goal_01k9", "status")
    .addOption(json())
    .addOption(workspace())
    .action(does(async () => (await import("./cancel.ts")).cancel as Action));

  program.commandsGroup("What waits for you:");
  command(
    "approvals [ids...]",
    "what waits for you: questions, and actions outside; with an id, one of them with all you need to decide",
    "marketeam approvals act_01k9 --approve",
  )
    .option("--approve", "do these actions, exactly as they are shown, once")
    .option("--reject", "do not do them")
    .option("--note <text>", "with --reject: why; the team reads it")
    .option("--all", "all that wait; to approve them, only with --class draft or write")
    .addOption(
      new Option("--class <name>", "with --all: only of this class").choices([
        "draft",
        "write",
        "publish",
        "send",
        "spend",
        "delete",
        "admin",
      ]),
    )
    .option("--yes", "do not ask again in a terminal")
    .addOption(json())
    .addOption(workspace())
    .action(does(async () => (await import("./approvals.ts")).answerOrShow as Action));

  command(
    "effects [id]",
    "what was done outside, or is to be: state, who approved it; with an id, one of them whole",
    "marketeam effects --stop",
  )
    .option("--stop", "drop all that has not left, and take nothing new")
    .option("--resume", "take new ones again")
    .option("--happened", "of an unknown one: you looked, and it happened")
    .option("--did-not-happen", "of an unknown one: you looked, and it did not")
    .option("--note <text>", "what you saw")
    .option("--goal <goal>", "only of this goal")
    .addOption(new Option("--limit <n>", "how many").argParser(whole("--limit", 1, 10_000)).default(30))
    .addOption(json())
    .addOption(workspace())
    .action(does(async () => (await import("./effects.ts")).effects as Action));

  running(
    command(
      "approve <id>",
      "say yes to a question, and go on with its goal",
      "marketeam approve ask_01k9 --version 2",
      "approvals",
    )
      .addOption(new Option("--version <n>", "take this version of the work").argParser(whole("--version", 1, 999)))
      .option("--edit <file>", "take the text of this file instead")
      .option("--note <text>", "what the team should learn from your answer")
      .option("--no-run", "record the answer only"),
  ).action(does(async () => (await import("./answer.ts")).approve as Action));

  running(
    command(
      "reject <id>",
      "say no to a question: one more try with your note, or --drop",
      'marketeam reject ask_01k9 --note "No discounts, ever"',
      "approvals",
    )
      .option("--note <text>", "what is wrong; the next version answers it")
      .option("--drop", "give the task up")
      .option("--no-run", "record the answer only"),
  ).action(does(async () => (await import("./answer.ts")).reject as Action));

  program.commandsGroup("How it goes:");
  command("costs", "what was spent: today, this month, by goal, by skill", "marketeam costs")
    .addOption(json())
    .addOption(workspace())
    .option("--rehearsal", "the rehearsal's figures instead of the real ones")
    .option("--settle <call>", "reconcile a call whose answer was lost, with --usd")
    .addOption(new Option("--usd <amount>", "what the provider really billed for it").argParser(Number))
    .action(does(async () => (await import("./costs.ts")).costs as Action));

  command(
    "learnings [action] [id]",
    "what the team has learned; actions: add, edit, retire, validate",
    'marketeam learnings add "Say the price on the button" --skill <skill>',
  )
    .option("--text <text>", "the statement, for add and edit (add also takes it as the next word)")
    .option("--skill <name>", "only for this skill")
    .option("--category <name>", "only for this category")
    .addOption(new Option("--confidence <n>", "0 to 1").argParser(Number))
    .option("--all", "retired and pruned ones too")
    .addOption(new Option("--budget <usd>", "validate: what the replays of this run may cost").argParser(Number))
    .option("--rehearse", "validate: learnings of rehearsals, on rehearsed tasks, without a key")
    .addOption(new Option("--seed <n>", "validate: of the rehearsal").argParser(Number))
    .addOption(json())
    .addOption(workspace())
    .action(does(async () => (await import("./learnings.ts")).learnings as Action));

  command("skills", "the team and how it does; its scores over time", "marketeam skills --scores")
    .option("--scores [skill]", "scores over time, drift and reviewers; of one skill also by week and criterion")
    .option("--rehearsal", "the rehearsal's scores instead of the real ones")
    .addOption(json())
    .addOption(workspace())
    .action(does(async () => (await import("./skills.ts")).skills as Action));

  program.commandsGroup("Day and night:");
  running(
    command(
      "schedules [action] [name]",
      "what fires when, and what became of it; actions: next [N], run, pause, resume, add, remove",
      'marketeam schedules add weekly-post --cron "0 9 * * 1" --zone Europe/Berlin --pipeline "<name>"',
    )
      .option("--cron <expression>", "add: minute hour day month weekday, in quotes")
      .option("--pipeline <name>", "add: what it starts")
      .option("--zone <name>", "add: the time zone, as Europe/Berlin (UTC)")
      .option("--priority <p>", "add: P0 to P3 (P2)")
      .option("--catch-up <what>", "add: what becomes of firings that were missed: skip, once, or up to so many (skip)")
      .option("--force", "run: also when it is paused or off")
      .option("--work", "run: work on the goal at once, instead of leaving it to a daemon"),
  ).action(does(async () => (await import("./schedules.ts")).schedules as unknown as Action));

  command(
    "events [action] [id]",
    "what happened; what came from outside and what it started; actions: show, replay",
    "marketeam events --inbox",
  )
    .option("--goal <goal>", "only of this goal")
    .addOption(new Option("--limit <n>", "how many").argParser(whole("--limit", 1, 10_000)).default(30))
    .option("--inbox", "what came from outside instead, and what was decided about it")
    .option("--mappings", "the event mappings instead")
    .option("--force", "replay: whatever the cooldown says")
    .addOption(json())
    .addOption(workspace())
    .action(does(async () => (await import("./events.ts")).events as Action));

  command(
    "queue [action] [task]",
    "signals in Redis that failed every time, and tasks that failed; action: redrive, of one task or of all",
    "marketeam queue redrive task_01k9",
  )
    .addOption(json())
    .addOption(workspace())
    .action(does(async () => (await import("./queue.ts")).queue as Action));

  command(
    "notify <action> [channel]",
    "send a test notice through every channel, or through one; action: test",
    "marketeam notify test",
  )
    .addOption(json())
    .action(does(async () => (await import("./notify-test.ts")).notify as Action));

  program.commandsGroup("Tools and mail:");
  command(
    "email [action] [whom]",
    "who must never get mail from here; actions: suppressed, suppress, allow",
    "marketeam email suppress unsubscribed.csv",
  )
    .option("--reason <text>", "suppress: why, in a few words")
    .addOption(new Option("--limit <n>", "suppressed: how many").argParser(whole("--limit", 1, 1_000_000)))
    .addOption(json())
    .addOption(workspace())
    .action(does(async () => (await import("./email.ts")).email as Action));

  command(
    "tools [action] [what] [tool]",
    "the tools of tools.yaml; actions: list, test <server>, call <server> <tool>, add [name of the catalogue], import <file>, export --for <program>",
    "marketeam tools add ga4",
  )
    .option("--accept", "test: take tools that have changed as they are now")
    .option("--args <json>", "call: its arguments")
    .addOption(workspace())
    .option("--for <program>", "export: claude, cursor, vscode or opencode")
    .option("--as <name>", "add: its name in tools.yaml")
    .addOption(json())
    .action(does(async () => (await import("./tools.ts")).tools as Action));

  program.commandsGroup("For whoever looks after it:");
  command(
    "validate",
    "check skills, pipelines, routing, schedules, events, models: every problem in one run",
    "marketeam validate",
  )
    .option("--sizes", "the size of each skill, the largest first")
    .addOption(json())
    .action(does(async () => (await import("./validate.ts")).validate as Action));

  command(
    "evals",
    "measure the skills: do requests find theirs, and what does its playbook add (only --live asks a model)",
    "marketeam evals --skill <skill> --live --budget 5",
  )
    .option("--skill <name>", "only this skill")
    .addOption(new Option("--only <part>", "only one of the two").choices(["routing", "quality"]))
    .option("--live", "ask a model for what has no fitting recording; needs a key, and --budget or your yes")
    .addOption(new Option("--budget <usd>", "the most that a live run may spend").argParser(positive("--budget")))
    .addOption(new Option("--limit <n>", "the first n requests and briefs of each skill").argParser(whole("--limit", 1, 999_999)))
    .addOption(json())
    .addOption(workspace())
    .addOption(rehearse())
    .addOption(seed())
    .action(does(async () => (await import("./evals.ts")).evals as Action));

  command("export [goal]", "write the documents of a goal (or of all) again from the store", "marketeam export")
    .addOption(json())
    .addOption(workspace())
    .action(does(async () => (await import("./export.ts")).exportDocuments as Action));

  command("backup <file>", "a verified copy of the store", "marketeam backup ~/marketeam-2026-11-21.db")
    .addOption(json())
    .addOption(workspace())
    .action(does(async () => (await import("./backup.ts")).backup as Action));

  command(
    "rehearsal",
    "the rehearsal server alone: speaks the Messages API on this machine",
    "marketeam rehearsal --port 8787 --log calls.jsonl",
  )
    .addOption(new Option("--port <n>", "0 takes a free one").argParser(whole("--port", 0, 65_535)).default(8787))
    .option("--log <file>", "append every request as a JSON line")
    .addOption(new Option("--seed <n>", "the same seed, the same answers").argParser(whole("--seed", 0, 999_999_999)).default(1))
    .addOption(new Option("--latency <ms>", "delay before each answer").argParser(whole("--latency", 0, 60_000)).default(0))
    .option("--fault <spec...>", "kind[@match][xN], for example overloaded@make x3")
    .action(does(async () => (await import("./rehearsal.ts")).rehearsal as Action));

  command(
    "completion <shell>",
    "the script that completes commands, flags, names and ids in bash, zsh or fish",
    "source <(marketeam completion bash)",
  ).action(does(async () => (await import("./completion.ts")).completion as Action));

  // What those scripts ask at every press of the key.
  program
    .command("complete [words...]", { hidden: true })
    .description("what may stand at the cursor, for the scripts of `completion`")
    .action(
      does(async () => {
        const { complete } = await import("./completion.ts");
        return ((words: readonly string[]) => complete(program, words)) as Action;
      }),
    );
  return program;
}
