/** A database file that has lost its contents, while its log still has some. */

import { statSync } from "node:fs";
import { corrupt } from "./failure.ts";

/**
 * SQLite takes a missing or empty file for a new database and throws its journal away: here that would be the data. To be
 * asked before any opening that may write. Throws StoreError `corrupt`.
 */
export function refuseLostFile(path: string): void {
  const size = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size(path) === 0 && size(`${path}-wal`) > 0) throw corrupt(path, "the file is empty, but its -wal file is not");
}
