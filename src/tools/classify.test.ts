/** Classes: who may lower what, arguments that decide, and that a grave word never makes a tool less. */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  ACTION_CLASSES,
  ALWAYS_ASKED,
  DEFAULT_POLICY,
  mostSevere,
  PERMISSIONS,
  permissionFor,
  severity,
} from "../domain/action.ts";
import type { ClassRule } from "../domain/tools-file.ts";
import { classByArguments, classifyCall, classifyTool, permissionOfCall, type ClassSources } from "./classify.ts";
import { guessClass, wordsOf } from "./verbs.ts";

const tool = (name: string, annotations: object = {}) => ({ name, annotations });
const from = (some: Partial<ClassSources> = {}): ClassSources => ({ server: "srv", actions: {}, catalogue: null, ...some });
const classOf = (name: string, some: Partial<ClassSources> = {}, annotations: object = {}) =>
  classifyTool(tool(name, annotations), from(some)).class;

describe("by name", () => {
  test.each([
    ["get_report", "read"],
    ["listCustomers", "read"],
    ["search-issues", "read"],
    ["api.get.users", "read"],
    ["get_email", "read"],
    ["list_draft_posts", "read"],
    ["read_and_email", "send"],
    ["get_then_post", "publish"],
    ["sendEmail", "send"],
    ["sendemail", "send"],
    ["SENDEmail", "send"],
    ["list_senders", "read"],
    ["get-sendgrid-stats", "read"],
    ["createRefund", "spend"],
    ["update_campaign_budget", "spend"],
    ["activate_campaign", "publish"],
    ["merge_pull_request", "publish"],
    ["items_create_live", "publish"],
    ["invite_user", "send"],
    ["delete-post", "delete"],
    ["deletepost", "delete"],
    ["create-api-key", "admin"],
    ["createAPIKey", "admin"],
    ["rotateSecret", "admin"],
    ["shuffle_list", "write"],
    ["mark_as_read", "write"],
    ["frobnicate", "write"],
    ["", "write"],
    ["ｓｅｎｄ", "write"],
    ["srv_get_items", "read"],
    ["other_get_items", "write"],
  ] as const)("%s is %s", (name, wanted) => {
    expect(classOf(name)).toBe(wanted);
  });

  test("words of every spelling", () => {
    expect(wordsOf("createAPIKey-v2.my_thing/x")).toEqual(["create", "api", "key", "v2", "my", "thing", "x"]);
  });

  const words = "get list foo items create update draft email send delete budget role publish and of x9".split(" ");
  const grave = fc.constantFrom(
    "send",
    "publish",
    "delete",
    "remove",
    "refund",
    "purchase",
    "revoke",
    "admin",
    "spend",
    "charge",
    "merge",
  );
  const joiner = fc.constantFrom("_", "-", ".", "/");

  test("a grave word more never makes it less, wherever it stands and however it is spelt", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 5 }), grave, fc.nat(5), joiner, (some, word, at, join) => {
        const before = guessClass(some.join(join)).class;
        const place = Math.min(at, some.length);
        const more = [...some.slice(0, place), word, ...some.slice(place)];
        const camel = more.map((one, i) => (i === 0 ? one : one.charAt(0).toUpperCase() + one.slice(1))).join("");
        for (const name of [more.join(join), camel]) {
          const after = guessClass(name).class;
          expect(severity(after)).toBeGreaterThanOrEqual(severity(before));
          expect(severity(after)).toBeGreaterThanOrEqual(severity(guessClass(word).class));
        }
      }),
      { numRuns: 500 },
    );
  });

  test("only what begins with a reading verb is a read", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-zA-Z_.-]{0,30}$/), (name) => {
        if (guessClass(name).class === "read")
          expect(guessClass(wordsOf(name).find((word) => word !== "api") ?? "").class).toBe("read");
      }),
    );
  });
});

describe("who may lower what", () => {
  const catalogue = {
    tools: { wipe: "delete", look: "read", "post-search": "read", put_text: "write", "get_*": "read" } as Record<
      string,
      ClassRule
    >,
  };

  test("an exact name in the file is the user's own decision", () => {
    expect(classOf("send_thing", { actions: { send_thing: "draft" } })).toBe("draft");
    expect(classOf("get_thing", { actions: { get_thing: "spend" } })).toBe("spend");
    expect(classOf("put_text", { catalogue, actions: { put_text: "draft" } })).toBe("draft");
  });

  test("but never below the catalogue's word for what always asks", () => {
    for (const of of ALWAYS_ASKED) {
      const grave = { tools: { x: of } };
      for (const wanted of ACTION_CLASSES)
        expect(classOf("x", { catalogue: grave, actions: { x: wanted } })).toBe(mostSevere(of, wanted));
      // A pattern of the catalogue binds as well.
      expect(classOf("x_y", { catalogue: { tools: { "x_*": of } }, actions: { x_y: "read" } })).toBe(of);
    }
  });

  test("a pattern in the file only raises", () => {
    expect(classOf("send_thing", { actions: { "*": "read" } })).toBe("send");
    expect(classOf("get_thing", { actions: { "*": "write" } })).toBe("write");
    expect(classOf("look", { catalogue, actions: { "lo*": "admin" } })).toBe("admin");
  });

  test("the catalogue's exact word stands against the name; its pattern does not", () => {
    expect(classOf("post-search", { catalogue })).toBe("read");
    expect(classOf("get_and_send", { catalogue })).toBe("send");
  });

  test("what the server says lowers only for servers that were looked at, and never a grave name", () => {
    const reads = { readOnlyHint: true };
    expect(classOf("frobnicate", {}, reads)).toBe("write");
    expect(classOf("frobnicate", { catalogue }, reads)).toBe("read");
    expect(classOf("send_message", { catalogue }, reads)).toBe("send");
    expect(classOf("create_thing", { catalogue }, reads)).toBe("write");
  });

  test("it raises for the others", () => {
    expect(classOf("get_thing", {}, { readOnlyHint: false })).toBe("write");
    expect(classOf("get_thing", {}, { destructiveHint: true })).toBe("write");
    expect(classOf("nuke", {}, { destructiveHint: true })).toBe("delete");
    expect(classOf("update_thing", {}, { destructiveHint: true })).toBe("write");
  });

  test("names of the language are no entries", () => {
    expect(classOf("constructor", { catalogue, actions: {} })).toBe("write");
    expect(classOf("__proto__", { catalogue })).toBe("write");
  });
});

describe("by arguments", () => {
  const rule: ClassRule = {
    class: "write",
    when: [
      { arg: "request.path", match: "^/get", class: "read" },
      { arg: "request.path", match: "send|trigger", class: "send" },
    ],
  };
  const at = (path: unknown) => classByArguments(rule, { request: { path } });

  test("the case that matches, the gravest of several, else the rule's own", () => {
    expect(at("/get/1")).toBe("read");
    expect(at("/get/SEND")).toBe("send");
    expect(at("/other")).toBe("write");
  });

  test.each([[undefined], [null], [1], [true], [["/get"]], [{ path: "/get" }], ["x".repeat(10_001)]])(
    "what cannot be compared (%p) is the gravest",
    (value) => {
      expect(at(value)).toBe("send");
      expect(classByArguments(rule, {})).toBe("send");
    },
  );

  test("an argument that may be missing says what that means", () => {
    const optional: ClassRule = { class: "read", when: [{ arg: "file", match: ".", class: "write", missing: "read" }] };
    expect(classByArguments(optional, {})).toBe("read");
    expect(classByArguments(optional, { file: "/etc/passwd" })).toBe("write");
    expect(classByArguments(optional, { file: null })).toBe("write");
    expect(classByArguments(optional, { file: "" })).toBe("read");
  });

  test("a call is never graver than its tool is listed, and its floor holds for each call", () => {
    const of = fc.constantFrom(...ACTION_CLASSES);
    const one = fc.record({ arg: fc.constantFrom("a", "b.c"), match: fc.constantFrom("x", "^y", "."), class: of });
    const rules = fc.oneof(
      of,
      fc.record({ class: of, when: fc.array(one, { minLength: 1, maxLength: 3 }) }),
    ) as fc.Arbitrary<ClassRule>;
    fc.assert(
      fc.property(rules, fc.option(rules), fc.record({ a: fc.oneof(fc.string(), fc.integer()) }), (listed, own, args) => {
        const sources = from({ catalogue: { tools: { t: listed } }, actions: own === null ? {} : { t: own } });
        const call = classifyCall(tool("t"), args, sources).class;
        expect(severity(call)).toBeLessThanOrEqual(severity(classifyTool(tool("t"), sources).class));
        const floor = classByArguments(listed, args);
        if (ALWAYS_ASKED.includes(floor)) expect(severity(call)).toBeGreaterThanOrEqual(severity(floor));
      }),
    );
  });
});

describe("what stands before a call", () => {
  const policy = fc.record(
    Object.fromEntries(ACTION_CLASSES.map((of) => [of, fc.constantFrom(...PERMISSIONS)])) as Record<
      (typeof ACTION_CLASSES)[number],
      fc.Arbitrary<(typeof PERMISSIONS)[number]>
    >,
  );

  test("no policy does unasked what always asks, or what a run with words from outside wants above a draft", () => {
    fc.assert(
      fc.property(
        policy,
        fc.constantFrom(...ACTION_CLASSES),
        fc.boolean(),
        fc.constantFrom("same", "new", "changed"),
        (some, of, tainted, locked) => {
          const permission = permissionOfCall(of, some, tainted, locked as "same");
          const grave = ALWAYS_ASKED.includes(of) || (tainted && severity(of) > severity("draft")) || locked !== "same";
          if (grave) expect(permission).not.toBe("auto");
          if (some[of] === "deny") expect(permission).toBe("deny");
          if (!grave) expect(permission).toBe(some[of]);
          expect(PERMISSIONS.indexOf(permission)).toBeGreaterThanOrEqual(PERMISSIONS.indexOf(permissionFor(of, some, false)));
        },
      ),
    );
  });

  test("a tool that nobody has accepted asks even to read", () => {
    expect(permissionOfCall("read", DEFAULT_POLICY, false, "new")).toBe("ask");
    expect(permissionOfCall("read", DEFAULT_POLICY, false, "changed")).toBe("ask");
    expect(permissionOfCall("read", DEFAULT_POLICY, false, "same")).toBe("auto");
    expect(permissionOfCall("delete", DEFAULT_POLICY, false, "new")).toBe("deny");
  });
});
