/** Which product context counts when a goal starts: the one that lies on this machine, or the newest that the store knows. */

export type ContextThere = {
  /** Whether this machine's workspace has the folder that the file belongs in. */
  readonly folder: boolean;
  /** The file; null when there is none, or nothing in it. `changedAt`: UTC ms by this machine's clock. */
  readonly file: { readonly hash: string; readonly changedAt: number } | null;
  /** The newest version in the store; null when there never was one. */
  readonly latest: { readonly hash: string; readonly createdAt: number } | null;
  /** Whether the file's text is a version in the store, the newest or an earlier one. */
  readonly known: boolean;
};

/**
 * `new`: the file is a version to come. `store`: the newest version counts, `because` says why not the file. `none`: a
 * person took the file away, or there never was one. A text that the store has never seen is always news; one that it has
 * seen is a copy that was left behind, unless somebody put it back after the newest version came in.
 */
export function chooseContext({
  folder,
  file,
  latest,
  known,
}: ContextThere):
  | { readonly use: "new" }
  | { readonly use: "none" }
  | { readonly use: "store"; readonly because: "same text" | "no folder" | "an earlier version" } {
  if (file === null) return latest !== null && !folder ? { use: "store", because: "no folder" } : { use: "none" };
  if (latest === null || !known) return { use: "new" };
  if (file.hash === latest.hash) return { use: "store", because: "same text" };
  return file.changedAt > latest.createdAt ? { use: "new" } : { use: "store", because: "an earlier version" };
}
