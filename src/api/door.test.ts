import { expect, setDefaultTimeout, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { silentLog } from "../log/log.ts";
import { listGoals } from "../store/goals.ts";
import { openBus } from "../test/bus.ts";
import { randomFrom } from "../test/random.ts";
import { mutated, SOURCES, TOKEN } from "../test/requests.ts";
import { createDoor, DoorError, type DoorOptions } from "./door.ts";

// Processors are shared, and a database may be another process.
setDefaultTimeout(30_000);

const ENDLESS = { perSecond: 1e9, burst: 1e9 };

async function openDoor(options: Partial<DoorOptions> = {}) {
  const at = await openBus("sqlite", { now: Date.now(), events: { drop: {} } });
  const door = createDoor({
    bus: at.bus,
    health: () => ({ ready: true, level: "full", reasons: [] }),
    metrics: () => "marketeam_up 1\n",
    tokens: [TOKEN],
    sources: SOURCES,
    limits: { address: ENDLESS, source: ENDLESS },
    host: "127.0.0.1",
    port: 0,
    log: silentLog,
    now: Date.now,
    ...options,
  });
  return {
    ...at,
    door,
    async [Symbol.asyncDispose]() {
      await door.stop();
      await at[Symbol.asyncDispose]();
    },
  };
}

const post = (url: string, body: object) =>
  fetch(`${url}/webhook`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify(body),
  });

const HEAD = `POST /webhook HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\n`;

/** A bare connection: what it got until the other end closed it. */
function talk(port: number, begin: (socket: Socket) => void): { socket: Socket; ended: Promise<string> } {
  const socket = connect(port, "127.0.0.1");
  let got = "";
  socket.on("data", (part) => (got += part.toString("latin1")));
  socket.on("error", () => {});
  const ended = new Promise<string>((resolve) => socket.on("close", () => resolve(got)));
  socket.on("connect", () => begin(socket));
  return { socket, ended };
}

test("32 equal webhooks at once start one goal", async () => {
  await using at = await openDoor();
  const answers = await Promise.all(Array.from({ length: 32 }, () => post(at.door.url, { type: "drop", data: { n: 1 } })));
  const statuses = answers.map((answer) => answer.status);
  expect(statuses.filter((status) => status === 202).length).toBe(1);
  expect(statuses.filter((status) => status === 200).length).toBe(31);
  const bodies = (await Promise.all(answers.map((answer) => answer.json()))) as { goal: string }[];
  const goals = await at.store.read((read) => listGoals(read));
  expect(new Set(bodies.map((body) => body.goal))).toEqual(new Set(goals.map((goal) => goal.id)));
  expect(goals.length).toBe(1);
});

test("400 different ones at once are all taken, in fewer commits", async () => {
  await using at = await openDoor();
  const before = at.commits.length;
  const answers = await Promise.all(Array.from({ length: 400 }, (_, n) => post(at.door.url, { type: "noise", data: { n } })));
  expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([202]));
  expect(at.commits.length - before).toBeLessThan(300);
});

test("chunks without an end are cut off with 413", async () => {
  await using at = await openDoor();
  const chunk = `4000\r\n${"x".repeat(16_384)}\r\n`;
  const { ended } = talk(at.door.port, (socket) => {
    socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    const more = () => {
      while (!socket.destroyed && socket.write(chunk));
      if (!socket.destroyed) socket.once("drain", more);
    };
    more();
  });
  expect(await ended).toStartWith("HTTP/1.1 413");
});

test("a body that stalls is cut, and 300 of them keep nobody else waiting", async () => {
  await using at = await openDoor({ bodyMs: 600 });
  const slow = Array.from({ length: 300 }, () =>
    talk(at.door.port, (socket) => socket.write(`${HEAD}Content-Length: 200\r\n\r\n{"type": "drop", "da`)),
  );
  await Promise.all(
    slow.map(
      ({ socket }) => new Promise<void>((resolve) => (socket.connecting ? socket.once("connect", () => resolve()) : resolve())),
    ),
  );
  const began = performance.now();
  for (let n = 0; n < 10; n++) expect((await post(at.door.url, { type: "noise", data: { n } })).status).toBe(202);
  expect(performance.now() - began).toBeLessThan(2_000);
  for (const { ended } of slow) expect(await ended).toStartWith("HTTP/1.1 408");
});

test("one that leaves in the middle of its body takes nothing with it", async () => {
  await using at = await openDoor();
  const { socket, ended } = talk(at.door.port, (socket) => {
    socket.write(`${HEAD}Content-Length: 200\r\n\r\n{"type"`, () => socket.destroy());
  });
  await ended;
  expect(socket.destroyed).toBe(true);
  expect((await post(at.door.url, { type: "noise", data: {} })).status).toBe(202);
});

test("stopping: no more is taken, what is in flight is answered", async () => {
  const release = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  await using at = await openDoor({
    health: async () => {
      entered.resolve();
      await release.promise;
      return { ready: true, level: "full", reasons: [] };
    },
  });
  const { url } = at.door;
  const slow = fetch(`${url}/health`);
  await entered.promise;
  const stopping = at.door.stop();
  await expect(fetch(`${url}/health/live`, { keepalive: false })).rejects.toThrow();
  // Longer than an answer that is ready may need to go out.
  expect(await Promise.race([stopping.then(() => "stopped"), Bun.sleep(300).then(() => "waits")])).toBe("waits");
  release.resolve();
  expect((await slow).status).toBe(200);
  await stopping;
  await at.door.stop();
});

test("a host that others can reach needs a token; a port that is taken is said so", async () => {
  await using at = await openDoor();
  for (const host of ["0.0.0.0", "::", "192.0.2.1", "example.com"]) {
    const attempt = openDoor({ host, tokens: [] });
    await expect(attempt).rejects.toThrow(`HOST is ${host}, which others can reach, and there is no WEBHOOK_TOKEN`);
  }
  const taken = await openDoor({ port: at.door.port }).catch((error: unknown) => error);
  expect(taken).toBeInstanceOf(DoorError);
  expect(String(taken)).toContain(`cannot listen on 127.0.0.1:${at.door.port}`);
  expect((taken as DoorError).hint).toContain("another daemon");
});

test("3,000 mutated requests over a real socket: no answer but those there are, and it still listens", async () => {
  await using at = await openDoor();
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = randomFrom(seed);
  const TOTAL = 3_000;
  let answered = 0;
  const one = async (n: number) => {
    const { path, method, headers, body } = await mutated(random, n);
    const lines = Object.entries({ "content-length": String(body.length), ...headers }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    const head = `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n${lines.join("\r\n")}\r\n\r\n`;
    const cut = random() < 0.05 ? Math.floor(random() * body.length) : body.length;
    const { ended } = talk(at.door.port, (socket) => {
      socket.write(Buffer.from(head, "latin1"));
      socket.write(body.subarray(0, cut));
      if (cut < body.length || headers["content-length"] !== undefined) socket.end();
    });
    const answer = await ended;
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1];
    if (status === undefined) return;
    answered++;
    if (/^5|^3/.test(status)) throw new Error(`seed ${seed}, request ${n}: ${answer.slice(0, 300)}`);
  };
  for (let n = 0; n < TOTAL; n += 50) await Promise.all(Array.from({ length: 50 }, (_, i) => one(n + i)));
  expect(answered).toBeGreaterThan(TOTAL * 0.8);
  expect((await post(at.door.url, { type: "noise", data: {} })).status).toBe(202);
}, 120_000);

test("a flood of 10,000 valid events: all accepted, none lost, in less than a minute", async () => {
  await using at = await openDoor();
  const TOTAL = 10_000;
  const LANES = 64;
  const began = performance.now();
  let next = 0;
  const statuses = new Map<number, number>();
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      for (let n = next++; n < TOTAL; n = next++) {
        const answer = await post(at.door.url, { id: `flood-${n}`, type: "noise", source: "flood", data: { n } });
        await answer.arrayBuffer();
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      }
    }),
  );
  expect([...statuses]).toEqual([[202, TOTAL]]);
  expect(performance.now() - began).toBeLessThan(60_000);
  const kept = await at.store.read((read) =>
    read.db
      .selectFrom("inbox")
      .select((eb) => eb.fn.countAll<number>().as("n"))
      .executeTakeFirst(),
  );
  expect(kept?.n).toBe(TOTAL);
}, 90_000);
