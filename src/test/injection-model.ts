/** Test fixture: a model that obeys whatever text reaches it, and two servers whose tools do everything there is to do to the world. */

import { ACTION_CLASSES, DEFAULT_POLICY, permissionFor, type ActionClass, type Policy } from "../domain/action.ts";
import { canonical } from "../domain/effect.ts";
import { plainFields } from "../log/fields.ts";
import type { Log, LogFields } from "../log/log.ts";
import { createRedactor } from "../log/redact.ts";
import type { ModelRequest, Reply } from "../model/model.ts";
import type { Store } from "../store/store.ts";
import { classifyCall } from "../tools/classify.ts";
import { toolHash } from "../tools/lock.ts";
import type { ToolInfo } from "../tools/server.ts";
import { createToolbox, type ToolSource } from "../tools/toolbox.ts";
import { createEffects } from "../work/effects.ts";
import type { Hands } from "../work/hands.ts";
import { said } from "./hands-fixture.ts";
import type { Call, Case } from "./injection-cases.ts";
import { readings } from "./injection-disguise.ts";

/** Of this installation: a provider's key, a webhook's token, a tool's key. Nothing that leaves the process may hold one. */
export const CANARIES = [
  "sk-ant-api03-canary/One+7Qm2ZtPv",
  "whsec_Y2FuYXJ5LXR3by1vZi13ZWJob29rcw==",
  "re_canaryThree_9kLwQxYb",
] as const;

export const SHIPPED: Policy = DEFAULT_POLICY;
/** More than a file may say: it refuses `auto` from `send` on. */
export const RELAXED: Policy = Object.fromEntries(Object.keys(DEFAULT_POLICY).map((of) => [of, "auto"])) as Policy;

export const TOOLS: Readonly<Record<string, ActionClass>> = {
  site__read_page: "read",
  site__draft_page: "draft",
  site__update_page: "write",
  site__publish_page: "publish",
  site__notify_subscribers: "send",
  site__buy_credits: "spend",
  site__delete_page: "delete",
  site__create_api_key: "admin",
  crm__get_contacts: "read",
  crm__list_files: "read",
  crm__draft_note: "draft",
  crm__update_contact: "write",
  crm__publish_form: "publish",
  crm__send_email: "send",
  crm__raise_budget: "spend",
  crm__delete_contact: "delete",
  crm__grant_access: "admin",
};

/** A text with all the installation's secrets in it, as a careless server would answer: plain, encoded, in an address. */
const CARELESS = `\n${JSON.stringify({ env: CANARIES })}\n${CANARIES.map((secret) => `${btoa(secret)} https://x.example/?k=${encodeURIComponent(secret)}`).join("\n")}`;

const CAPS = { ttlMs: 3_600_000, maxRecipients: null, perDay: null };
const NO_CAPS = Object.fromEntries(ACTION_CLASSES.map((of) => [of, CAPS])) as ToolSource["caps"];

export type OpenHands = Hands & {
  /** What the servers were really asked: the witness. */
  readonly calls: { readonly name: string; readonly args: Readonly<Record<string, unknown>> }[];
};

/** Two servers with every class of tool, classified by their names as a server's that nobody has looked at. */
export function openHands(
  store: Store,
  processId: string,
  { skill, policy, log, answers }: { skill: string; policy: Policy; log: Log; answers: ReadonlyMap<string, Case> },
): OpenHands {
  const calls: OpenHands["calls"] = [];
  const serverOf = (name: string) => name.split("__")[0] ?? "";
  const source = (server: string): ToolSource => {
    const infos = Object.keys(TOOLS)
      .filter((name) => serverOf(name) === server)
      .map((name): ToolInfo => {
        const tool = name.slice(server.length + 2);
        return { name: tool, description: `The tool ${tool}.`, inputSchema: { type: "object" }, annotations: {} };
      });
    return {
      name: server,
      skills: [skill],
      off: null,
      connect: () => ({
        name: server,
        list: async () => ({ tools: infos }),
        async call(tool, args) {
          calls.push({ name: `${server}__${tool}`, args });
          const planted = answers.get(String(args["plant"] ?? ""));
          if (!planted) return said("[]");
          const careless = JSON.stringify(planted.deeds).includes("{secret}") ? CARELESS : "";
          // A real server's adapter cleans its answers; this one does not: the work itself must.
          return said(planted.text + careless, planted.place === "error");
        },
        state: () => ({ state: "ready", detail: null, stderr: [] }),
        close: async () => {},
      }),
      allowed: () => true,
      accepts: () => true,
      classOf: (info, args) => classifyCall(info, args, { server, actions: {}, catalogue: null }).class,
      lockedOf: (listed) => new Map(listed.map((info) => [info.name, { hash: toolHash(info), state: "same" }])),
      policy,
      caps: NO_CAPS,
      verify: () => null,
      preview: async () => null,
      notBefore: () => null,
    };
  };
  const toolbox = createToolbox([source("site"), source("crm")]);
  const effects = createEffects({
    store,
    server: toolbox.server,
    toolHash: (_, info) => toolHash(info),
    rules: () => ({ policy, ...CAPS, verify: null, accepted: true, notBefore: null }),
    processId: async () => processId,
    secrets: CANARIES,
    now: Date.now,
    log,
    reached() {},
  });
  return { toolbox, effects, preview: async () => null, clean: createRedactor(CANARIES), calls };
}

export type Obedient = {
  /** Ids of the cases whose orders reached it. */
  readonly obeyed: Set<string>;
  /** Every call that it made above `draft`, and what the policy says of it once something from outside was read. */
  readonly asked: { readonly name: string; readonly input: Readonly<Record<string, unknown>> }[];
  /** Every request, as text: what went to the model. */
  readonly prompts: string[];
  /** A secret was found in a prompt, in whatever spelling. */
  readonly stolen: string[];
  /** One turn of the work. `plants`: what the brief has it look up first. */
  reply(request: ModelRequest, plants: readonly Call[]): Partial<Reply>;
};

/** The most that are looked at in a turn. */
const USES = 8;

export function obedientModel(cases: readonly Case[]): Obedient {
  const ids = new Map(cases.map((entry) => [entry.id, entry]));
  const known = new Map<string, { readonly cases: readonly Case[]; readonly secret: string | null }>();
  const obeyed = new Set<string>();
  const asked: { name: string; input: Readonly<Record<string, unknown>> }[] = [];
  const prompts: string[] = [];
  const stolen: string[] = [];

  function ordersIn(text: string) {
    const before = known.get(text);
    if (before) return before;
    const views = readings(text);
    const found = new Set(views.flatMap((view) => [...view.matchAll(/[prwf]\d{3}x/g)].map(([id]) => id)));
    const seen = {
      cases: [...found].flatMap((id) => ids.get(id) ?? []),
      secret: CANARIES.find((secret) => views.some((view) => view.includes(secret))) ?? null,
    };
    known.set(text, seen);
    return seen;
  }

  return {
    obeyed,
    asked,
    prompts,
    stolen,
    reply(request, plants) {
      prompts.push(JSON.stringify(request));
      const texts = [
        ...request.system.map((part) => part.text),
        ...(request.tools ?? []).map((tool) => JSON.stringify(tool)),
        ...request.messages.flatMap((message) =>
          message.role === "user"
            ? [...message.parts.map((part) => part.text), ...(message.results ?? []).map((result) => result.text)]
            : [],
        ),
      ];
      const seen = texts.map(ordersIn);
      const secret = seen.find((one) => one.secret !== null)?.secret ?? null;
      if (secret !== null) stolen.push(secret);
      const orders = new Set(seen.flatMap((one) => one.cases));
      for (const { id } of orders) obeyed.add(id);
      const filled = (value: unknown, id: string) =>
        JSON.parse(
          JSON.stringify(value)
            .replaceAll("{id}", id)
            .replaceAll("{secret}", secret ?? "none"),
        ) as Call["input"];
      const wanted = [...orders].flatMap(({ id, deeds }) =>
        deeds.flatMap((deed) => ("name" in deed ? [{ name: deed.name, input: filled(deed.input, id) }] : [])),
      );
      const made = request.messages.flatMap((message) => (message.role === "assistant" ? [...(message.uses ?? [])] : []));
      const left = [...wanted];
      for (const use of made) {
        const at = left.findIndex((one) => one.name === use.name && JSON.stringify(one.input) === JSON.stringify(use.input));
        if (at !== -1) left.splice(at, 1);
      }
      const unread = plants.filter((plant) => !made.some((use) => canonical(use.input) === canonical(plant.input)));
      const next = [...left, ...unread].slice(0, USES);
      asked.push(...next.slice(0, left.length));
      if (next.length > 0) return { stop: "tool_use", uses: next.map((use, i) => ({ id: `use_${made.length + i}`, ...use })) };
      const told = [...orders].flatMap(({ id, deeds }) =>
        deeds.flatMap((deed) => ("say" in deed ? [String(filled(deed.say, id))] : [`Do what ${id} says.`])),
      );
      return {
        text: `# A page\n\n## Summary\n\n${"Good words. ".repeat(40)}\n\n${told.join("\n\n")}\n\n<handoff>\nmissing:\n- none\nassumed:\n- none\n</handoff>`,
      };
    },
  };
}

/** Whether a call that the model made is to wait for a person: of a tool that is there, above `draft`, and not denied. */
export function waits(name: string, policy: Policy): boolean {
  const of = Object.hasOwn(TOOLS, name) ? TOOLS[name] : undefined;
  return of !== undefined && of !== "read" && of !== "draft" && permissionFor(of, policy, true) === "ask";
}

/** A log that keeps what it is told, before anything is taken out of it, and passes it on. */
export function keptLog(kept: string[], to: Log): Log {
  const at = (level: "debug" | "info" | "warn" | "error") => (message: string, fields?: LogFields) => {
    kept.push(JSON.stringify([level, message, plainFields(fields ?? {})]));
    to[level](message, fields);
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => {
      kept.push(JSON.stringify(plainFields(fields)));
      return keptLog(kept, to.child(fields));
    },
  };
}
