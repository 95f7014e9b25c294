import { type ClientRequest, type IncomingMessage, request as send } from "node:http";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { RunnerLost } from "../gateway/runner.ts";

/** Headers of an answer may be this long, so that what is too long for fal can be told apart. */
const MOST_HEADER_BYTES = 256 * 1024;

/**
 * One exchange with a server of this machine, over a connection of its own: what the gateway does may take an hour, and a
 * kept connection could be closed just when it is used again.
 *
 * @throws {RunnerLost} also from the body, while it is read.
 */
export async function exchange(port: number, request: Request): Promise<Response> {
  const { method, headers, signal } = request;
  const body = new Uint8Array(await request.arrayBuffer());
  const { pathname, search } = new URL(request.url);
  return new Promise((resolve, reject) => {
    const outgoing = send({
      ...{ host: "127.0.0.1", port, method, path: pathname + search, agent: false, signal },
      ...{ headers: { ...Object.fromEntries(headers), "content-length": body.length } },
      maxHeaderSize: MOST_HEADER_BYTES,
    });
    outgoing.once("response", (incoming) => {
      try {
        resolve(responseOf(incoming));
      } catch (cause) {
        incoming.destroy();
        reject(
          new RunnerLost("disconnected", "The runner answered with what is no answer of HTTP", { cause }),
        );
      }
    });
    outgoing.once("error", (error) => reject(signal.aborted ? signal.reason : lost(error, outgoing)));
    // Without an answer and without an error: the program asked for another protocol.
    outgoing.once("close", () => reject(new RunnerLost("disconnected", "The runner did not answer")));
    outgoing.end(body);
  });
}

function lost(error: NodeJS.ErrnoException, { socket }: ClientRequest): RunnerLost {
  const refused = error.code === "ECONNREFUSED" || socket?.connecting;
  if (error.code === "HPE_HEADER_OVERFLOW") {
    return new RunnerLost("headers-too-long", "The answer's headers are longer than 16 KB together");
  }
  return refused
    ? new RunnerLost("refused", "The runner refused the connection", { cause: error })
    : new RunnerLost("disconnected", "The runner disconnected before it had answered", { cause: error });
}

function responseOf(incoming: IncomingMessage): Response {
  const { statusCode: status = 500, rawHeaders } = incoming;
  const headers = new Headers();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    headers.append(rawHeaders[i] ?? "", rawHeaders[i + 1] ?? "");
  }
  if ([204, 205, 304].includes(status)) {
    incoming.resume();
    return new Response(null, { status, headers });
  }
  return new Response(Readable.toWeb(incoming) as ReadableStream<Uint8Array>, { status, headers });
}

/** How long a port may take to accept a connection, in milliseconds. */
const REACHABLE_WITHIN_MS = 5_000;

/** Whether a server of this machine accepts connections. */
export const isReachable = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, timeout: REACHABLE_WITHIN_MS });
    const end = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket
      .once("connect", () => end(true))
      .once("error", () => end(false))
      .once("timeout", () => end(false));
  });
