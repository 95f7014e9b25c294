import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as turnOfTheLoop } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { systemClock } from "../base/clock.ts";
import { checkOptions, count, flag, list, type OptionsOf, text } from "../base/options.ts";
import { ListenError } from "../errors/emulator.ts";
import { breakOf } from "./connection.ts";
import { createEmulator, type Emulator } from "./emulator.ts";
import type { EmulatorOptions } from "./emulator-options.ts";
import { forgetPast, keepPort, lastPort, openPast, type Past } from "./past.ts";
import { plainError } from "./replies.ts";
import { takeSockets } from "./serve-sockets.ts";
import { refusalOf, type Visitors } from "./visitors.ts";

export interface ServeOptions extends EmulatorOptions {
  /** 0 lets the system choose a free one. @default 0 */
  readonly port?: number;
  /** The address to listen on; anything but a loopback address is reachable from other machines. @default "127.0.0.1" */
  readonly host?: string;
  /** Names that others ask it by, as that of a container. Addresses, localhost and fal's hosts need none. @default none */
  readonly hosts?: readonly string[];
  /** Web pages that may use it, besides those of this machine: `https://app.test`. Programs need none. @default none */
  readonly origins?: readonly string[];
  /**
   * Where its requests and files are kept, so that the next emulator that is given the same directory has them: programs
   * that were killed are resumed against it. With port 0 it also takes the port of the last one. @default none
   */
  readonly directory?: string;
  /** Begins without what the directory has. @default false */
  readonly forget?: boolean;
}

export interface EmulatorServer {
  readonly url: string;
  readonly emulator: Emulator;
  /** Ends open streams and connections, and frees the port. */
  close(): Promise<void>;
}

const SERVER: OptionsOf<Omit<ServeOptions, keyof EmulatorOptions>> = {
  port: count(0),
  host: text,
  hosts: list,
  origins: list,
  directory: text,
  forget: flag,
};

/** Puts an emulator on a port. @throws {ListenError} naming why it cannot be, and what to do. */
export async function serveEmulator(options: ServeOptions = {}): Promise<EmulatorServer> {
  const { port = 0, host = "127.0.0.1", directory, forget, hosts = [], origins = [], ...rest } = options;
  checkOptions({ port, host, directory, forget, hosts, origins }, SERVER, { of: "serveEmulator" });
  // As a browser writes them, whatever stands after the port.
  const pages = origins.map((page) => URL.parse(page)?.origin ?? page);
  const visitors = { origins: pages, hosts: [host, ...hosts] };
  const server = createServer();
  const url = await listen(server, port || (directory && lastPort(directory)) || 0, host);
  const emulator = createOrLeave();
  // Nothing was missed before this line: a connection waits until the event loop turns.
  server.on("request", (incoming, outgoing) => {
    const answer = getRequestListener((request) => answerOver(outgoing, request, emulator, visitors), {
      overrideGlobalObjects: false,
    });
    void answer(incoming, outgoing);
  });

  const sockets = takeSockets(server, emulator, visitors);

  return {
    url,
    emulator,
    async close() {
      await emulator.close();
      sockets.end();
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
      // Nobody else has it: they would listen on the same port.
      const past = directory === undefined ? undefined : pastIn(directory, url, options);
      return createEmulator({ ...rest, servedAt: url, ...(past && { past }) });
    } catch (error) {
      server.close();
      throw error;
    }
  }
}

function pastIn(directory: string, url: string, { forget, clock = systemClock }: ServeOptions): Past {
  try {
    if (forget) forgetPast(directory);
    const past = openPast(directory, clock.now);
    keepPort(directory, Number(new URL(url).port));
    return past;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ListenError(`The emulator could not start: its directory cannot be used (${why}).`, { cause });
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

/** Answers over a socket; where the connection is to break, this socket does. */
async function answerOver(
  outgoing: ServerResponse,
  request: Request,
  emulator: Emulator,
  visitors: Visitors,
): Promise<Response> {
  const refusal = refusalOf(request, visitors);
  if (refusal) return refusal;
  try {
    const answer = await emulator.fetch(request);
    return answer.body ? new Response(breakingWith(outgoing, answer.body), answer) : answer;
  } catch (error) {
    switch (breakOf(error)) {
      case "ECONNRESET":
        outgoing.socket?.resetAndDestroy();
        return RESPONSE_ALREADY_SENT;
      case "UND_ERR_SOCKET":
        outgoing.socket?.destroy();
        return RESPONSE_ALREADY_SENT;
      case "ECONNREFUSED":
        return plainError(
          400,
          'The fault "refused" is for calls in process: this connection has been made already.',
        );
      case undefined:
        throw error;
    }
  }
}

/** The same body, but where it breaks, the connection does; only after all that came before has been sent. */
function breakingWith(
  outgoing: ServerResponse,
  body: ReadableStream<Uint8Array>,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch {
          while (!outgoing.headersSent && !outgoing.destroyed) await turnOfTheLoop();
          outgoing.socket?.destroySoon();
          await new Promise((resolve) => outgoing.once("close", resolve));
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
