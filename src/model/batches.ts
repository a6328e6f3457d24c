/** The port of a provider's batches: many requests at once, answered within a day, at a share of the price. */

import type { ModelRequest, Reply, Stop } from "./model.ts";

/** Why the provider did not do what it was asked to. `billable`: it may have done it all the same. */
export type BatchFailure = {
  readonly stop: Stop;
  readonly billable: boolean;
  readonly detail: string;
  readonly retryAfterMs: number | null;
};

export type BatchState = {
  readonly id: string;
  /** UTC ms, by the provider's clock. */
  readonly createdAt: number;
  readonly ended: boolean;
  /** All of its requests, whatever became of them. */
  readonly requests: number;
};

/** What became of one request. `id` is the one that it was given. */
export type BatchResult = {
  readonly id: string;
  readonly end: "succeeded" | "errored" | "canceled" | "expired";
  /** One sentence for a person, where it did not succeed. */
  readonly detail: string | null;
  /** The answer, read with the request that it answers. Null where there is none: nothing is billed then. */
  readonly reply: ((request: ModelRequest) => Reply) | null;
  /** False when the provider says that it was not done at a batch's price. */
  readonly reduced: boolean;
};

type Options = { readonly signal: AbortSignal };

/** As a Model: every expected failure is a value, nothing is tried again in here, and it rejects only for a bug. */
export interface Batches {
  /** Sends a batch, once. Ids: up to 64 letters, digits, `_` and `-`, each once. */
  create(
    requests: readonly { readonly id: string; readonly request: ModelRequest }[],
    options: Options,
  ): Promise<{ readonly batch: BatchState } | { readonly failure: BatchFailure }>;
  /** The batches of this key that were made at or after `at` (UTC ms). */
  since(at: number, options: Options): Promise<{ readonly batches: readonly BatchState[] } | { readonly failure: BatchFailure }>;
  state(id: string, options: Options): Promise<{ readonly batch: BatchState } | { readonly failure: BatchFailure }>;
  /** Hands each result of a batch that has ended to `take`, one after the other, in no order. Null when it was all of them. */
  results(id: string, take: (result: BatchResult) => Promise<void>, options: Options): Promise<BatchFailure | null>;
}
