/** What a tool's name says about what it does: a guess by its verbs, for tools that nobody has looked at. */

import { ACTION_CLASSES, type ActionClass, mostSevere } from "../domain/action.ts";

/** Words that name an act, by the class of the act. A word stands once, in the gravest class that it can mean. */
const WORDS: Readonly<Record<ActionClass, string>> = {
  read: "get list search find read fetch retrieve lookup describe show view query inspect count check status preview summarize summarise analyze analyse explain compare validate browse export download head peek whoami ping",
  draft: "draft compose",
  write:
    "verify create update set add put patch edit modify change write save insert append upsert replace move rename copy duplicate clone import upload sync assign tag label attach link connect register submit enable start stop pause resume run execute exec call invoke trigger apply toggle mark store make build generate convert restore archive unarchive close open reopen complete lock unlock pin mute click type press fill select drag drop navigate comment react like follow subscribe enroll enrol push commit configure init setup increment decrement schedule reschedule cancel",
  publish:
    "publish unpublish live release launch deploy promote activate merge approve accept post posts tweet tweets retweet repost share",
  send: "send resend email mail sms notify dm message reply forward broadcast blast dispatch announce invite",
  spend:
    "spend pay charge refund buy purchase order checkout bid budget budgets bids boost invoice bill transfer payout withdraw deposit topup renew upgrade downgrade capture void finalize finalise",
  delete:
    "delete remove destroy erase purge wipe truncate clear trash discard uninstall unset deactivate terminate kill revert reset overwrite forget unlink detach prune",
  admin:
    "admin eval unsafe shell bash grant revoke permission permissions role roles token tokens secret secrets credential credentials apikey rotate impersonate sudo password passwords ownership billing suspend ban unban",
};

const CLASS_OF = new Map(
  ACTION_CLASSES.flatMap((name) => WORDS[name].split(" ").map((word): [string, ActionClass] => [word, name])),
);
/** Written together (`sendemail`, `deletepost`) these are still seen. */
const TELLING = ["send", "delete", "remove", "publish", "refund", "purchase", "transfer", "revoke", "destroy", "charge"] as const;
/** Begin like a verb and are none. */
const NOUNS =
  /^(?:send(?:er|ers|grid|inblue|ing)|remove[ds]|delete[ds]|publishe[rd]s?|refund(?:s|ed|able)|purchase[ds]|purchaser|transfers|charges|charge(?:back|backs|r)|removal)$/;
/** Behind a verb that plainly reads, these name what is read: `get_email`, `list_draft_posts`. Not where a name does two things. */
const READING = new Set("get list search find read fetch retrieve describe show view query count lookup browse".split(" "));
const THINGS = new Set(
  "email mail sms message dm invite invoice bill budget budgets bid bids order release draft comment tag label role roles post posts tweet tweets store share register schedule live".split(
    " ",
  ),
);
const BOTH = new Set(["and", "then", "or", "to", "with"]);
/** In front of a name without saying anything: the protocol's own words. */
const EMPTY = new Set(["api", "mcp", "tool", "tools", "v1", "v2", "v3"]);

/** `createAPIKey`, `create-api_key` and `create.api/key` are the same words. */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "");
}

export type VerbGuess = {
  readonly class: ActionClass;
  /** The word that decided; null when no word is known: then it is taken for a write. */
  readonly word: string | null;
};

/**
 * The gravest act that any word of the name can mean. It is a read only when the name begins with a reading verb (behind the
 * server's own name): `shuffle_list` lists nothing. Another grave word never makes it less.
 */
export function guessClass(tool: string, server = ""): VerbGuess {
  const words = wordsOf(tool);
  const own = new Set(wordsOf(server));
  const first = words.find((word) => !own.has(word) && !EMPTY.has(word));
  let gravest: { class: ActionClass; word: string } | null = null;
  const see = (word: string, of: ActionClass) => {
    if (gravest === null || mostSevere(gravest.class, of) !== gravest.class) gravest = { class: of, word };
  };
  const plainlyReads = first !== undefined && READING.has(first) && !words.some((word) => BOTH.has(word));
  words.forEach((word) => {
    const of = CLASS_OF.get(word);
    if (of !== undefined && !(plainlyReads && THINGS.has(word))) see(word, of);
    const inside = TELLING.find((verb) => word.startsWith(verb) && word !== verb && !NOUNS.test(word));
    if (inside !== undefined) see(inside, CLASS_OF.get(inside) ?? "write");
  });
  // A key or a token that is made, changed or taken away opens doors; one that is listed shows them.
  if (/\b(?:api ?key|access key|signing key)s?\b/.test(words.join(" "))) see("key", "admin");
  const guess = gravest as { class: ActionClass; word: string } | null;
  if (guess === null) return { class: "write", word: null };
  if (guess.class === "read" && (first === undefined || CLASS_OF.get(first) !== "read")) return { class: "write", word: null };
  return guess;
}
