/** A contradiction: two passages of one goal's texts that cannot both be true, and which of them is to give way. */

export type Contradiction = {
  readonly id: string;
  readonly goalId: string;
  /** What it is about: `price`, `date`, `offer`, … */
  readonly kind: string;
  readonly subject: string;
  readonly foundBy: "code" | "model";
  /** The task whose text is wrong, by the order in which sources count. */
  readonly wrongTaskId: string;
  readonly wrongQuote: string;
  /** `context`, or the key of the task that is right. */
  readonly rightSource: string;
  readonly rightQuote: string;
  readonly note: string;
  /** `fixed` by a revision, `open` for a person to see. */
  readonly status: "open" | "fixed";
  readonly createdAt: number;
};
