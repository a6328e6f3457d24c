/** Every tool of nine real lists has its class, in a table that a person has read line by line: `fixtures/classes.md`. */

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { ACTION_CLASSES, type ActionClass, ALWAYS_ASKED, severity } from "../domain/action.ts";
import { loadToolCatalogue } from "../skills/tool-catalogue.ts";
import { ROOT } from "../test/cli.ts";
import { classifyTool, type ClassSources } from "./classify.ts";
import { LISTS, listOf } from "./lists.fixture.ts";

const { catalogue, problems } = await loadToolCatalogue(ROOT);
const TABLE = join(import.meta.dir, "fixtures/classes.md");

function sources(entry: string): ClassSources {
  return { server: "x", actions: {}, catalogue: catalogue[entry] ?? null };
}

async function classesText(): Promise<string> {
  const out = [
    "# The class of every tool of the lists in this folder",
    "",
    "`class` is what the catalogue makes of it; `≤` marks a tool whose single calls can be less, by their arguments. `guess` is what it",
    "would be on a server that nobody has looked at: by its name and by what the server says of it. Read it when it changes: no tool",
    "that sends, spends, deletes or administers may stand below its class. `UPDATE_CLASSES=1 bun test src/tools/classes.test.ts` writes it.",
  ];
  for (const { list, entry } of LISTS) {
    const { server, tools } = await listOf(list);
    out.push(
      "",
      `## ${list}: ${server.name} ${server.version}, ${tools.length} tools (catalogue: ${entry})`,
      "",
      "| tool | class | guess |",
      "|---|---|---|",
    );
    for (const tool of tools.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const known = classifyTool(tool, sources(entry));
      const guess = classifyTool(tool, { ...sources(entry), catalogue: null });
      out.push(`| ${tool.name} | ${known.byArguments ? "≤ " : ""}${known.class} | ${guess.class} |`);
    }
  }
  return `${out.join("\n")}\n`;
}

describe("the classes of the real lists", () => {
  test("the catalogue has no fault", () => {
    expect(problems).toEqual([]);
  });

  test("the table is the one that was read", async () => {
    const text = await classesText();
    if (process.env.UPDATE_CLASSES) await Bun.write(TABLE, text);
    // The formatter sets the columns.
    const plain = (table: string) =>
      table
        .replace(/ +/g, " ")
        .replace(/-{3,}/g, "---")
        .replace(/ ?\| ?/g, "|");
    expect(plain(await Bun.file(TABLE).text())).toBe(plain(text));
  });

  test.each(LISTS)(
    "$list: each tool is named in the catalogue, and the catalogue names no tool of another version",
    async ({ list, entry, hosted }) => {
      const { tools } = await listOf(list);
      const named = Object.keys(catalogue[entry]?.tools ?? {}).filter((name) => !name.includes("*"));
      const there = tools.map((tool) => tool.name);
      expect(there.filter((name) => !named.includes(name))).toEqual([]);
      // Two lists are one server with and without its options; hosted twins have names of their own.
      if (list !== "playwright") expect(named.filter((name) => !there.includes(name) && !hosted.includes(name))).toEqual([]);
    },
  );

  // Written apart from the catalogue, from what each tool does: what must never be less.
  const AT_LEAST: Readonly<Record<string, readonly [ActionClass, string][]>> = {
    resend: [
      [
        "send",
        "send-email send-batch-emails send-broadcast send-event update-email update-automation create-automation update-contact update-contact-topics",
      ],
      [
        "delete",
        "remove-automation remove-broadcast remove-contact remove-contact-property remove-contact-from-segment remove-segment remove-suppression batch-remove-suppressions remove-template remove-topic manage-events",
      ],
      [
        "admin",
        "create-api-key update-api-key remove-api-key create-domain update-domain remove-domain create-domain-claim verify-domain-claim revoke-oauth-grant create-webhook update-webhook remove-webhook rotate-webhook-signing-secret get-webhook",
      ],
      ["publish", "publish-template share-email"],
    ],
    webflow: [
      [
        "publish",
        "sites_publish collections_items_publish_items collections_items_create_item_live collections_items_update_items_live pages_update_page_settings",
      ],
      ["delete", "collections_items_delete_item delete_all_site_scripts"],
      ["admin", "add_inline_site_script"],
    ],
    notion: [["delete", "API-delete-a-block API-patch-page API-update-a-block"]],
    firecrawl: [
      [
        "spend",
        "firecrawl_scrape firecrawl_crawl firecrawl_extract firecrawl_agent firecrawl_interact firecrawl_monitor_create firecrawl_monitor_update firecrawl_monitor_run",
      ],
      ["send", "firecrawl_parse"],
      ["delete", "firecrawl_monitor_delete"],
    ],
    hubspot: [["spend", "hubspot-batch-create-objects hubspot-batch-update-objects"]],
    "chrome-devtools": [
      ["admin", "evaluate_script navigate_page"],
      ["send", "upload_file"],
      [
        "write",
        "click fill fill_form type_text press_key drag handle_dialog take_screenshot take_snapshot performance_start_trace lighthouse_audit get_network_request",
      ],
    ],
    "playwright-allcaps": [
      [
        "admin",
        "browser_run_code_unsafe browser_evaluate browser_storage_state browser_set_storage_state browser_cookie_get browser_cookie_list browser_cookie_set browser_localstorage_get browser_sessionstorage_get",
      ],
      ["send", "browser_file_upload browser_drop"],
      ["delete", "browser_cookie_delete browser_cookie_clear browser_localstorage_clear browser_sessionstorage_delete"],
      [
        "write",
        "browser_click browser_type browser_fill_form browser_press_key browser_select_option browser_mouse_click_xy browser_snapshot browser_pdf_save",
      ],
    ],
    gsc: [["write", "submit_sitemap"]],
    playwright: [["admin", "browser_run_code_unsafe browser_evaluate"]],
  };

  test.each(LISTS)(
    "$list: nothing that sends, spends, deletes or administers stands below its class",
    async ({ list, entry }) => {
      const { tools } = await listOf(list);
      const faults = (AT_LEAST[list] ?? []).flatMap(([floor, names]) =>
        names.split(" ").flatMap((name) => {
          const tool = tools.find((one) => one.name === name);
          if (tool === undefined) return [`${name} is not in the list`];
          const { class: of } = classifyTool(tool, sources(entry));
          return severity(of) >= severity(floor) ? [] : [`${name} is ${of}, not ${floor}`];
        }),
      );
      expect(faults).toEqual([]);
    },
  );

  test.each(LISTS)(
    "$list: a server that nobody has looked at never gets a grave tool unasked, by its name alone",
    async ({ list, entry }) => {
      const { tools } = await listOf(list);
      const faults = tools.flatMap((tool) => {
        const known = classifyTool(tool, sources(entry));
        const guess = classifyTool(tool, { ...sources(entry), catalogue: null });
        const grave = ALWAYS_ASKED.includes(known.class) && !known.byArguments;
        return grave && severity(guess.class) < severity("write") ? [`${tool.name}: ${known.class}, guessed ${guess.class}`] : [];
      });
      expect(faults).toEqual([...(KNOWN_GUESSES[list] ?? [])]);
    },
  );

  test("classes are those of the domain", () => {
    for (const { tools } of Object.values(catalogue))
      for (const rule of Object.values(tools)) expect(ACTION_CLASSES).toContain(typeof rule === "string" ? rule : rule.class);
  });
});

/** Grave for a reason that no name tells: it shows a secret. */
const KNOWN_GUESSES: Readonly<Record<string, readonly string[]>> = { resend: ["get-webhook: admin, guessed read"] };
