/** Test fixture: tools in memory, offered to every skill, with a record of what reached them. */

import { DEFAULT_POLICY, type ActionClass, type Permission, type Policy } from "../domain/action.ts";
import { hashOf } from "../domain/deliverable.ts";
import { silentLog } from "../log/log.ts";
import type { Store } from "../store/store.ts";
import type { CallOptions, ToolAnswer, ToolInfo, ToolServer } from "../tools/server.ts";
import type { Offer, Toolbox } from "../tools/toolbox.ts";
import { createEffects } from "../work/effects.ts";
import type { Hands } from "../work/hands.ts";

export type FakeTool = {
  readonly name: string;
  readonly class: ActionClass;
  readonly inputSchema?: Readonly<Record<string, unknown>>;
  readonly floor?: Permission;
  readonly answer: (args: Readonly<Record<string, unknown>>, options: CallOptions) => ToolAnswer | Promise<ToolAnswer>;
};

export type FakeHands = Hands & {
  /** What the server was really asked, in order: the witness. */
  readonly calls: { readonly tool: string; readonly args: Readonly<Record<string, unknown>>; readonly key: string | null }[];
};

export const said = (text: string, isError = false): ToolAnswer => ({
  kind: "answered",
  text,
  isError,
  bytes: Buffer.byteLength(text),
  spilled: null,
});

const SERVER = "web";
const ANY = { type: "object" } as const;

export function fakeHands(
  store: Store,
  processId: string,
  tools: readonly FakeTool[],
  options: { policy?: Partial<Policy>; secrets?: readonly string[]; away?: readonly string[] } = {},
): FakeHands {
  const calls: FakeHands["calls"] = [];
  const policy = { ...DEFAULT_POLICY, ...options.policy };
  const infos = new Map<string, ToolInfo>(
    tools.map(({ name, inputSchema = ANY }) => [name, { name, description: `The tool ${name}.`, inputSchema, annotations: {} }]),
  );
  const toolHash = (_: string, info: ToolInfo) => hashOf(JSON.stringify(info));
  const server: ToolServer = {
    name: SERVER,
    list: async () => ({ tools: [...infos.values()] }),
    async call(name, args, given) {
      calls.push({ tool: name, args, key: given.idempotencyKey ?? null });
      const tool = tools.find((entry) => entry.name === name);
      return tool ? tool.answer(args, given) : said(`no tool ${name}`, true);
    },
    state: () => ({ state: "ready", detail: null, stderr: [] }),
    close: async () => {},
  };
  const resolve: Offer["resolve"] = (name, args) => {
    const tool = tools.find((entry) => `${SERVER}__${entry.name}` === name);
    const info = tool && infos.get(tool.name);
    if (!tool || !info) return { kind: "problem", text: `there is no tool "${name}" here` };
    const hash = toolHash(SERVER, info);
    return {
      kind: "call",
      args,
      tool: { server: SERVER, info, hash, classOf: () => tool.class, policy, floor: tool.floor ?? "auto" },
    };
  };
  const toolbox: Toolbox = {
    sources: [],
    source: () => null,
    offer: async () => ({
      specs: [...infos.values()].map(({ name, description, inputSchema }) => ({
        name: `${SERVER}__${name}`,
        description,
        inputSchema: { ...inputSchema },
      })),
      resolve,
      away: options.away ?? [],
      down: (options.away ?? []).map((why) => why.slice(0, why.indexOf(":"))),
    }),
    server: (name) => (name === SERVER ? server : null),
    leave() {},
    close: async () => {},
  };
  const effects = createEffects({
    store,
    server: toolbox.server,
    toolHash,
    rules: ({ tool }) => ({
      policy,
      ttlMs: 3_600_000,
      verify: null,
      accepted: tools.find((entry) => entry.name === tool)?.floor !== "ask",
      notBefore: null,
      maxRecipients: null,
      perDay: null,
    }),
    processId: async () => processId,
    secrets: options.secrets ?? [],
    now: Date.now,
    log: silentLog,
    reached() {},
  });
  const clean = (text: string) => (options.secrets ?? []).reduce((left, secret) => left.replaceAll(secret, "[secret]"), text);
  return { toolbox, effects, preview: async () => null, clean, calls };
}
