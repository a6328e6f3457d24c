/** The lexical baseline: the same every time, without the descriptions' "Not for" part. */

import { expect, test } from "bun:test";
import { lexicalRouter, positive } from "./lexical.ts";

const SKILLS = [
  { name: "tea-maker", description: "Brews tea and pours cups. Not for baking bread (baker)." },
  { name: "baker", description: "Bakes bread, rolls and cakes. NOT for tea or drinks (tea-maker)." },
  { name: "gardener", description: "Plants, waters and prunes what is not for eating." },
];

test("rare shared words decide, in any form", () => {
  const route = lexicalRouter(SKILLS);
  expect(route("please brew us some TEAS")).toBe("tea-maker");
  expect(route("my bread was badly baked")).toBe("baker");
  expect(route("who is pruning the roses?")).toBe("gardener");
});

test("what a skill is not for does not speak for it", () => {
  expect(positive(SKILLS[0]?.description ?? "")).toBe("Brews tea and pours cups. ");
  expect(positive(SKILLS[2]?.description ?? "")).toBe(SKILLS[2]?.description ?? "");
  expect(lexicalRouter(SKILLS)("bread")).toBe("baker");
});

test("no shared word is no answer, and equals go to the first", () => {
  const route = lexicalRouter([...SKILLS, { name: "a-twin", description: SKILLS[1]?.description ?? "" }]);
  expect(route("quarkwhistle")).toBeNull();
  expect(route("the and of it")).toBeNull();
  expect(route("bread")).toBe("baker");
  expect(lexicalRouter([])("bread")).toBeNull();
});
