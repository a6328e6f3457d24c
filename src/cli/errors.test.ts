/** What a person reads of an error that ended a command. */

import { expect, spyOn, test } from "bun:test";
import { EXIT } from "../domain/exit.ts";
import { StoreError } from "../store/store.ts";
import { reportError } from "./errors.ts";

test("when closing fails as well, what went wrong first is told", async () => {
  const said: string[] = [];
  using _ = spyOn(process.stderr, "write").mockImplementation((text) => said.push(String(text)) > 0);
  const run = async () => {
    await using _app = { [Symbol.asyncDispose]: () => Promise.reject(new Error("closing failed")) };
    throw new StoreError("unreachable", "PostgreSQL does not answer", "check that it runs");
  };
  const code = await run().catch(reportError);
  expect([code, said.join("")]).toEqual([EXIT.config, "error: PostgreSQL does not answer\n  check that it runs\n"]);
});
