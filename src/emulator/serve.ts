import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { FalError } from "../base/errors.ts";
import { createEmulator, type Emulator, type EmulatorOptions } from "./emulator.ts";

export interface ServeOptions extends EmulatorOptions {
  /** 0 lets the system choose a free one. @default 0 */
  readonly port?: number;
  /** The address to listen on; anything but a loopback address is reachable from other machines. @default "127.0.0.1" */
  readonly host?: string;
}

export interface EmulatorServer {
  readonly url: string;
  readonly emulator: Emulator;
  /** Ends open streams and connections, and frees the port. */
  close(): Promise<void>;
}

/** The server could not be started. The message says why, and what to do about it. */
export class ListenError extends FalError {
  override readonly name = "ListenError";
  readonly code = "cannot_listen";
}

/** Puts an emulator on a port. */
export async function serveEmulator(options: ServeOptions = {}): Promise<EmulatorServer> {
  const { port = 0, host = "127.0.0.1", ...rest } = options;
  const server = createServer();
  const url = await listen(server, port, host);
  const emulator = createOrLeave();
  // Nothing was missed before this line: a connection waits until the event loop turns.
  const listener = getRequestListener((request) => emulator.fetch(request), { overrideGlobalObjects: false });
  server.on("request", (incoming, outgoing) => void listener(incoming, outgoing));

  return {
    url,
    emulator,
    async close() {
      await emulator.close();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      // One turn of the loop lets the last bytes of ended streams out; a peer that still holds on is cut off.
      await new Promise((resolve) => setImmediate(resolve));
      server.closeAllConnections();
      await closed;
    },
  };

  function createOrLeave(): Emulator {
    try {
      return createEmulator({ ...rest, servedAt: url });
    } catch (error) {
      server.close();
      throw error;
    }
  }
}

function listen(server: Server, port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(explain(error, port, host)));
    server.listen(port, host, () => {
      const { port: actual, family, address } = server.address() as AddressInfo;
      const everywhere = address === "0.0.0.0" || address === "::";
      const name = everywhere ? "127.0.0.1" : family === "IPv6" ? `[${address}]` : address;
      resolve(`http://${name}:${actual}`);
    });
  });
}

function explain(error: NodeJS.ErrnoException, port: number, host: string): ListenError {
  const reasons: Record<string, string> = {
    EADDRINUSE: `port ${port} on ${host} is in use. Stop what listens there, or choose another port (0 takes a free one)`,
    EACCES: `port ${port} may not be used by this account. Choose one above 1023 (0 takes a free one)`,
    EADDRNOTAVAIL: `${host} is not an address of this machine. Use 127.0.0.1 or 0.0.0.0`,
    ENOTFOUND: `the host name ${host} is not known. Use 127.0.0.1 or 0.0.0.0`,
  };
  const why = reasons[error.code ?? ""] ?? error.message;
  return new ListenError(`The emulator could not start: ${why}.`, { cause: error });
}
