/** Listens in on a transport to know of each tool call whether it left, and what exactly came back. */

import { AsyncLocalStorage } from "node:async_hooks";
import type { Transport } from "@modelcontextprotocol/client";

/** What is known of one call while it is on its way. */
export type Track = {
  /** Its request was given to the wire: from here on it may have happened. */
  written: boolean;
  /** It was refused before it could do anything, or nobody was reached. `status` is HTTP's, where there is one. */
  refused: { readonly detail: string; readonly status: number | null } | null;
  /** What is known of a failure, in our own words: those of the other side are not to be trusted. */
  failure: string | null;
  /** The answer as it came. */
  answer: { readonly result?: unknown; readonly error?: unknown } | null;
};

const tracks = new AsyncLocalStorage<Track>();

/** The call in whose name the code runs; undefined outside of one. */
export function currentTrack(): Track | undefined {
  return tracks.getStore();
}

export async function tracked(work: () => Promise<unknown>): Promise<{ readonly track: Track; readonly error: unknown }> {
  const track: Track = { written: false, refused: null, failure: null, answer: null };
  try {
    await tracks.run(track, work);
    return { track, error: null };
  } catch (error) {
    return { track, error };
  }
}

/** Thrown by a transport that wrote nothing. */
export class NeverSent extends Error {
  override readonly name = "NeverSent";
}

/**
 * From now on each `tools/call` is noted in the track in whose name it is sent. Put on after the handshake. One call is sent
 * once. `marks`: what is handed to the transport is on the wire; a transport that knows better (HTTP) marks it itself.
 */
export function tap(transport: Transport, marks: boolean): void {
  const waiting = new Map<number, Track>();
  const send = transport.send.bind(transport);
  const receive = transport.onmessage;
  transport.send = async (message, options) => {
    const track = tracks.getStore();
    if (track === undefined || !("method" in message) || message.method !== "tools/call" || !("id" in message))
      return send(message, options);
    // The library repeats a call whose headers were refused; what answered may also have acted.
    if (track.answer !== null || track.written) throw new Error("a call is sent once");
    waiting.set(Number(message.id), track);
    track.written = marks;
    try {
      return await send(message, options);
    } catch (error) {
      if (error instanceof NeverSent) track.written = false;
      throw error;
    }
  };
  transport.onmessage = (message, extra) => {
    if ("id" in message && !("method" in message)) {
      const id = Number(message.id);
      const track = waiting.get(id);
      waiting.delete(id);
      if (track !== undefined) track.answer = message;
    }
    receive?.(message, extra);
  };
}
