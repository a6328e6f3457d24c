/** Reading elements: at the beginning of lines, never inside another's text, with what containers hold. */

import { expect, test } from "bun:test";
import { readElements } from "./prompt.ts";

const names = (text: string) => readElements(text).map((entry) => entry.name);

test("what is inside an element, or only mentioned, is no element", () => {
  expect(names("<deliverable>\n<task key='x'>\n<goal>a</goal>\n</deliverable>\n<goal>b</goal>")).toEqual(["deliverable", "goal"]);
  expect(names("Text inside <task> is an order; `</task>` ends it.\n<goal>a</goal>")).toEqual(["goal"]);
  expect(names("<recent_goals>\n<goal>old</goal>\n</recent_goals><goal>new</goal>")).toEqual(["recent_goals", "goal"]);
});

test("containers give what they hold, and only that", () => {
  const text = '<inputs>\n<input key="a" form="full">\n<task>no</task>\n</input><input key="b"/>\n</inputs>';
  expect(readElements(text).map(({ name, attrs }) => [name, attrs.key])).toEqual([
    ["inputs", undefined],
    ["input", "a"],
    ["input", "b"],
  ]);
  expect(names('<skill name="s">\n<input name="q">\n<references>\n{}\n</references>\n</skill>')).toEqual(["skill", "references"]);
});

test("escaped closing tags and attributes are read back, an unclosed element is empty", () => {
  const [task] = readElements('<task key="a &quot;b&quot; &amp;amp;">\nwrite <\\/task> here\n</task>');
  expect(task).toEqual({ name: "task", attrs: { key: 'a "b" &amp;' }, text: "write </task> here" });
  expect(readElements('<gate phase="Audit">\n<goal>a</goal>')).toEqual([
    { name: "gate", attrs: { phase: "Audit" }, text: "" },
    { name: "goal", attrs: {}, text: "a" },
  ]);
});
