/** Test fixture: the tool lists of real servers, as they answered, and the catalogue's entry for each. */

import { join } from "node:path";
import type { ToolInfo } from "./server.ts";

export type ToolList = {
  readonly server: { readonly name: string; readonly version: string };
  readonly tools: readonly ToolInfo[];
};

const NOTION_HOSTED = ["notion-search", "notion-fetch", "notion-create-pages", "notion-update-page"];
const HUBSPOT_HOSTED = ["search_crm_objects", "query_crm_data", "search_properties", "manage_crm_objects", "manage_segment"];

/** `hosted`: names of the vendor's other server, which the same entry knows. */
export const LISTS: readonly { readonly list: string; readonly entry: string; readonly hosted: readonly string[] }[] = [
  { list: "chrome-devtools", entry: "pagespeed", hosted: [] },
  { list: "firecrawl", entry: "firecrawl", hosted: [] },
  { list: "gsc", entry: "search-console", hosted: [] },
  { list: "hubspot", entry: "hubspot", hosted: HUBSPOT_HOSTED },
  { list: "notion", entry: "notion", hosted: NOTION_HOSTED },
  { list: "playwright", entry: "browser", hosted: [] },
  { list: "playwright-allcaps", entry: "browser", hosted: [] },
  { list: "resend", entry: "resend", hosted: [] },
  { list: "webflow", entry: "webflow", hosted: [] },
];

export async function listOf(list: string): Promise<ToolList> {
  return (await Bun.file(join(import.meta.dir, "fixtures/lists", `${list}.json`)).json()) as ToolList;
}
