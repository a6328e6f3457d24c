/** Bodies that were read, refused or cut leave room for the next ones. */

import { expect, test } from "bun:test";
import { createBodyReader } from "./body.ts";

const KB = 1024;
const request = (bytes: number) =>
  new Request("http://localhost/webhook", {
    method: "POST",
    // In pieces, so that nobody knows the length beforehand.
    body: new ReadableStream({
      start(to) {
        for (let left = bytes; left > 0; left -= 64 * KB) to.enqueue(new Uint8Array(Math.min(left, 64 * KB)));
        to.close();
      },
    }),
  });

test("more than may be read at once is read one after the other, also when bodies in between are too large", async () => {
  const read = createBodyReader();
  const ends = new Map<string, number>();
  for (let i = 0; i < 600; i++) {
    const found = await read(request(i % 2 === 0 ? 256 * KB : 300 * KB));
    const end = "refusal" in found ? String(found.refusal.status) : "read";
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  expect(Object.fromEntries(ends)).toEqual({ read: 300, "413": 300 });
});
