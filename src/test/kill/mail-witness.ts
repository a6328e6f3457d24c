/** The outside witness of the effect kill suite: a mail service that keeps what it accepts, and loses some answers. */

import { createServer, type Socket } from "node:net";

export type Fate = "answered" | "accepted, then dropped" | "dropped at once" | "refused";
export type Mail = { readonly key: string; readonly tool: string; readonly subject: string; readonly fate: Fate };

export type MailWitness = {
  readonly port: number;
  /** Every request that came, whatever became of it. */
  readonly requests: Mail[];
  /** What it took: these mails are out. */
  accepted(): Mail[];
  stop(): Promise<void>;
};

/** `fateOf` decides by the mail's subject what becomes of it. Reads (`sent-mails`) are always answered. */
export async function startMailWitness(fateOf: (subject: string) => Fate): Promise<MailWitness> {
  const requests: Mail[] = [];
  const accepted = () => requests.filter(({ fate }) => fate === "answered" || fate === "accepted, then dropped");
  const server = createServer((socket) => {
    let got = "";
    socket.on("error", () => {});
    socket.on("data", (part) => {
      got += part.toString("utf8");
      const end = got.indexOf("\r\n\r\n");
      const length = Number(/content-length: (\d+)/i.exec(got)?.[1] ?? Number.NaN);
      if (end === -1 || Buffer.byteLength(got.slice(end + 4)) < length) return;
      const tool = /^POST \/([\w-]+) /.exec(got)?.[1] ?? "";
      const body = JSON.parse(got.slice(end + 4)) as { key: string; subject?: string };
      got = "";
      if (tool === "sent-mails") return reply(socket, 200, JSON.stringify(accepted().filter((mail) => mail.key === body.key)));
      const subject = body.subject ?? "";
      const fate = fateOf(subject);
      requests.push({ key: body.key, tool, subject, fate });
      if (fate === "answered") reply(socket, 200, JSON.stringify({ id: `mail-${requests.length}` }));
      else if (fate === "refused") reply(socket, 422, JSON.stringify({ error: "no such reader" }));
      else socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    requests,
    accepted,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function reply(socket: Socket, status: number, body: string): void {
  socket.end(
    `HTTP/1.1 ${status} X\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
