/** What consistency is about: texts of one goal in the order in which they count, and contradictions between two of them. */

/** The name of the product context among a goal's texts. */
export const CONTEXT = "context";

/** A text and its place: where two contradict each other, the one with the lower rank is right. */
export type Text = { readonly name: string; readonly rank: number; readonly body: string };

/** Both quotes stand word for word in their texts. */
export type Found = {
  readonly kind: string;
  readonly subject: string;
  readonly wrong: { readonly name: string; readonly quote: string };
  readonly right: { readonly name: string; readonly quote: string };
  readonly note: string;
};
