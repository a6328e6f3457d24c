/** A wire that can fall silent: a TCP proxy whose connections stay open while nothing comes through any more. */

import { connect, createServer, type Socket } from "node:net";

export type TcpProxy = AsyncDisposable & {
  readonly port: number;
  /** From now on nothing passes, in either direction, on old connections and new ones. */
  silence(): void;
  /** New connections pass again; those that fell silent stay so, as after a firewall forgot them. */
  heal(): void;
};

export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  let silent = false;
  const sockets = new Set<Socket>();
  const lost = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target.port, target.host);
    const pair = [near, far] as const;
    for (const socket of pair) {
      sockets.add(socket);
      if (silent) lost.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        // Who hangs up on a silent wire is not heard at the other end.
        if (!lost.has(socket)) for (const one of pair) one.destroy();
      });
    }
    near.on("data", (bytes) => void (lost.has(near) || far.write(bytes)));
    far.on("data", (bytes) => void (lost.has(far) || near.write(bytes)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return {
    port: address.port,
    silence() {
      silent = true;
      for (const socket of sockets) lost.add(socket);
    },
    heal: () => void (silent = false),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
