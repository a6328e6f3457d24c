/** Story: two skills work on real pages through a real browser, side by side, and each cites what its own page showed. */

import { expect, test } from "bun:test";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { goalResult } from "../domain/result.ts";
import { cli, ROOT, tempDir } from "./cli.ts";
import { leftOf, makeHandsTeam, stepsOf, type ServerEntry } from "./hands-team.ts";
import { chromiumService } from "./services.ts";

const chromium = chromiumService();
const page = (title: string, ...headings: readonly string[]) =>
  `<!doctype html><html lang="en"><title>${title}</title>${headings.map((text, i) => `<h${i + 1}>${text}</h${i + 1}>`).join("")}<p>No card needed.</p></html>`;
const PAGES: Readonly<Record<string, string>> = {
  "/pricing": page("Pricing", "Plans that grow with your goals", "From $19 a month"),
  "/signup": page("Sign up", "Start your first quarter today", "What you need"),
};

/** Two pages, each held back (for three seconds at most) until both were asked for: two who share one browser window are seen to. */
function startSite() {
  const asked: string[] = [];
  const both = Promise.withResolvers<void>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const body = PAGES[pathname];
      if (body === undefined) return new Response(null, { status: 404 });
      asked.push(pathname);
      if (new Set(asked).size === Object.keys(PAGES).length) both.resolve();
      await Promise.race([both.promise, Bun.sleep(3_000)]);
      return new Response(body, { headers: { "content-type": "text/html" } });
    },
  });
  return { url: server.url.origin, asked, [Symbol.asyncDispose]: () => server.stop(true) };
}

test.skipIf(!chromium.ok)(
  "an audit and a conversion review read the page they are about, say what they saw and when, and do nothing else",
  async () => {
    if (!chromium.ok) return;
    await using dir = await tempDir();
    await using site = startSite();
    const browser: ServerEntry = {
      command: "bun",
      args: [
        join(ROOT, "node_modules/@playwright/mcp/cli.js"),
        ...["--headless", "--isolated", "--no-sandbox", "--executable-path", chromium.path],
      ],
      provider: "browser",
      env: { MARK: dir.path },
    };
    const root = join(dir.path, "team");
    await makeHandsTeam(root, {
      tools: { browser },
      pipelines: stepsOf("Page Check", [
        { skill: "seo-audit", brief: "Audit the page." },
        { skill: "page-cro", brief: `Say what keeps visitors of ${site.url}/signup from signing up.` },
      ]),
    });
    const workspace = join(dir.path, "workspace");
    await mkdir(workspace);
    const at = (...args: string[]) => cli([...args, "--workspace", workspace], { cwd: root });

    const tested = await at("tools", "test", "browser");
    expect([tested.code, tested.stderr]).toEqual([0, ""]);
    expect(tested.stdout).toMatch(/browser_navigate\s+read\s+auto/);
    expect(await leftOf(dir.path)).toEqual([]);

    const run = await at("--rehearse", "--json", "--pipeline", "Page Check", `More signups from ${site.url}/pricing`);
    expect([run.code, run.stderr]).toEqual([0, ""]);
    expect(await leftOf(dir.path)).toEqual([]);
    const result = goalResult.parse(JSON.parse(run.stdout));
    expect(result.status).toBe("completed");

    // Each deliverable cites its own page: its headings, with whom it was seen and on which day.
    const expected = { "seo-audit": "/pricing", "page-cro": "/signup" } as const;
    const today = new Date().toISOString().slice(0, 10);
    for (const [skill, path] of Object.entries(expected)) {
      const task = result.tasks.find((entry) => entry.skill === skill);
      const text = await readFile(join(workspace, task?.output ?? "none"), "utf8");
      const shown = text.split("\n").find((line) => line.startsWith("- browser browser_snapshot"));
      const day = /\((\d{4}-\d\d-\d\d) \d\d:\d\d UTC\)/.exec(shown ?? "")?.[1] ?? "";
      // The day may have ended while it worked.
      expect(Date.parse(today) - Date.parse(day)).toBeLessThanOrEqual(86_400_000);
      for (const [own, body] of Object.entries(PAGES))
        for (const [, heading = ""] of body.matchAll(/<h\d>(.*?)<\/h\d>/g))
          expect([skill, heading, text.includes(heading)]).toEqual([skill, heading, own === path]);
    }

    // The site saw both, and the store tells of each read.
    expect([...new Set(site.asked)].sort()).toEqual(Object.keys(PAGES).sort());
    const { reads } = JSON.parse((await at("show", "last", "--reads", "--json")).stdout) as {
      reads: { task: string; server: string; tool: string; args: object; text: string; isError: boolean }[];
    };
    for (const [task, path] of Object.entries(expected)) {
      const own = reads.filter((read) => read.task === task);
      expect(own[0]).toMatchObject({ server: "browser", tool: "browser_navigate", args: { url: `${site.url}${path}` } });
      expect(own[1]).toMatchObject({ tool: "browser_snapshot", args: {}, isError: false });
      for (const read of own) expect(read.text).toContain(`Page URL: ${site.url}${path}`);
    }
    expect((await at("show", "last", "--reads")).stdout).toMatch(/seo-audit\s+1\s+browser\s+browser_navigate/);
    // Nothing above a read was done, or asked for.
    expect(JSON.parse((await at("effects", "--json")).stdout)).toMatchObject({ effects: [] });
  },
  120_000,
);
