/** `marketeam email`: who must never be written to. Kept below the agents: no prompt and no approval gets past it. */

import { addressEntry, readAddressList } from "../domain/address-list.ts";
import { EXIT } from "../domain/exit.ts";
import { suggest } from "../domain/problem.ts";
import { countSuppressed, listSuppressed, suppress, unsuppress } from "../store/contacts.ts";
import type { Store } from "../store/store.ts";
import { UsageError } from "./errors.ts";
import { note, oneLine, print, printJson, table } from "./output.ts";
import { configFor, stylesFor, type CommonOptions } from "./session.ts";
import { openStoreThere } from "./store-there.ts";

type EmailOptions = CommonOptions & { readonly reason?: string; readonly limit?: number };

const ACTIONS = ["suppressed", "suppress", "allow"] as const;
const A_CHANGE = 5000;
const LINES_SHOWN = 5;

export async function email(action: string | undefined, what: string | undefined, options: EmailOptions): Promise<number> {
  const known = ACTIONS.find((name) => name === (action ?? "suppressed"));
  if (known === undefined) throw new UsageError(`email cannot "${oneLine(action ?? "", 60)}"`, suggest(action ?? "", ACTIONS));
  if (options.reason !== undefined && known !== "suppress")
    throw new UsageError(`email ${known} has no use for --reason`, "leave it out");
  if (options.limit !== undefined && known !== "suppressed")
    throw new UsageError(`email ${known} has no use for --limit`, "leave it out");
  if (known === "suppressed") {
    if (what !== undefined)
      throw new UsageError("email suppressed takes nothing behind it", "email suppress <address or file> puts one on the list");
    return list(options);
  }
  if (what === undefined)
    throw new UsageError(
      `email ${known} whom?`,
      known === "suppress" ? "an address, @domain, or a file with one a line" : "an address or @domain of the list",
    );
  return known === "suppress" ? add(what, options) : allow(what, options);
}

async function list(options: EmailOptions): Promise<number> {
  const config = configFor(options);
  const store = await openStoreThere(config);
  try {
    const limit = options.limit ?? 100;
    const [total, found] =
      store === null
        ? [0, []]
        : await store.read(async (read) => [await countSuppressed(read), await listSuppressed(read, { limit })] as const);
    if (options.json)
      printJson({ total, suppressed: found.map((entry) => ({ ...entry, at: new Date(entry.at).toISOString() })) });
    else if (total === 0)
      print("Nobody is on the suppression list. Put somebody on it: bun run start email suppress <address, @domain or file>");
    else {
      const { dim } = stylesFor(config);
      print(
        table(
          found.map(({ address, reason, at }) => [address, dim(new Date(at).toISOString().slice(0, 10)), oneLine(reason, 60)]),
        ),
      );
      if (found.length < total) print(dim(`${total - found.length} more: --limit ${total}`));
    }
  } finally {
    await store?.close();
  }
  return EXIT.done;
}

/** Who can be read goes on the list, also when other lines cannot: the list is safer with them. */
async function add(what: string, options: EmailOptions): Promise<number> {
  const reason = reasonOf(options.reason);
  const single = addressEntry(what);
  const { addresses, unreadable } =
    single === null ? readAddressList(await textOf(what)) : { addresses: [single], unreadable: [] };
  if (addresses.length === 0)
    throw new UsageError(`${oneLine(what, 80)}: there is no address in it`, "one address a line, or a CSV");
  const { openApplication } = await import("./application.ts");
  await using app = await openApplication(options);
  const added = await suppressAll(app.store, addresses, reason);
  if (options.json) printJson({ read: addresses.length, added, unreadable });
  else {
    const already = addresses.length - added;
    print(
      `${added} on the suppression list now${already > 0 ? `, ${already} had been on it` : ""}. They get no mail from here any more.`,
    );
  }
  if (unreadable.length === 0) return EXIT.done;
  const shown = unreadable.slice(0, LINES_SHOWN).join(", ");
  note(
    `error: ${unreadable.length} lines of ${oneLine(what, 80)} hold no address that can be read and were left out: ${shown}${unreadable.length > LINES_SHOWN ? ", …" : ""}`,
  );
  return EXIT.failed;
}

async function suppressAll(store: Store, addresses: readonly string[], reason: string): Promise<number> {
  let added = 0;
  for (let from = 0; from < addresses.length; from += A_CHANGE)
    added += await store.write("email.suppress", (tx) => suppress(tx, addresses.slice(from, from + A_CHANGE), reason));
  return added;
}

async function allow(what: string, options: EmailOptions): Promise<number> {
  const address = addressEntry(what);
  if (address === null)
    throw new UsageError(`"${oneLine(what, 80)}" is neither an address nor @domain`, "write jo@example.com or @example.com");
  const store = await openStoreThere(configFor(options));
  try {
    const gone = store !== null && (await store.write("email.allow", (tx) => unsuppress(tx, address)));
    if (!gone) throw new UsageError(`${address} is not on the suppression list`, "see `bun run start email suppressed`");
    if (options.json) printJson({ allowed: address });
    else print(`${address} may be written to again.`);
  } finally {
    await store?.close();
  }
  return EXIT.done;
}

function reasonOf(typed: string | undefined): string {
  const reason = oneLine(typed ?? "a person said so", 200);
  if (reason === "") throw new UsageError("--reason is empty", "say in a few words why, or leave it out");
  return reason;
}

async function textOf(path: string): Promise<string> {
  try {
    return await Bun.file(path).text();
  } catch {
    throw new UsageError(
      `"${oneLine(path, 80)}" is neither an address nor a file that can be read`,
      "write jo@example.com, @example.com, or the path of a file",
    );
  }
}
