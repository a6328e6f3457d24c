/** Text for Slack: its three control characters escaped, so that nothing in it is a mention, a link or a channel. */

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** The escaped text, at most `max` UTF-16 units long; neither an entity nor a character is cut in two. */
export function slackText(text: string, max: number): string {
  let escaped = "";
  let fits = "";
  for (const char of text) {
    escaped += ENTITIES[char] ?? char;
    if (escaped.length > max) return `${fits}…`;
    if (escaped.length < max) fits = escaped;
  }
  return escaped;
}
