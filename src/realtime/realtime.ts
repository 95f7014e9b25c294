import { runHere } from "../calls/enclosing-run.ts";
import { prepare } from "../calls/prepare.ts";
import type { Services } from "../calls/services.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { type EndpointId, parseEndpointId } from "../queue/endpoint.ts";
import { TOKEN_SECONDS } from "../queue/tokens.ts";
import { createConnection, type OpenConnection } from "./connection.ts";
import { loadMsgpack } from "./frames.ts";
import { checkHandler, type RealtimeConnection, type RealtimeConnectionHandler } from "./options.ts";
import type { WebSocketClass } from "./socket.ts";
import { tokenSource } from "./tokens.ts";

export interface RealtimeClient {
  /**
   * Connects to an app that takes inputs one by one over a WebSocket, when the first one is sent. The connection is in the
   * ledger and heeds budgets; what it costs is not told on it, and is on fal's bill.
   *
   * @example
   * const connection = fal.realtime.connect("fal-ai/fast-lightning-sdxl", { onResult: (result) => console.log(result) });
   * connection.send({ prompt: "a fox" });
   * @throws {InvalidArgumentError} for what cannot be meant, and within a run. @throws {RunStateError} where that cannot be told. All else is told to `onError`.
   */
  // biome-ignore lint/suspicious/noExplicitAny: as the official client has it: what an app gives, only its caller knows
  connect<Input = any, Output = any>(
    app: EndpointId,
    handler: RealtimeConnectionHandler<Output>,
  ): RealtimeConnection<Input>;
}

export interface RealtimeParts {
  readonly services: () => Services;
  /** Where direct calls go. */
  readonly runBase: () => string;
  readonly isBrowser: () => boolean;
  readonly webSocket: () => WebSocketClass | undefined;
  readonly maxFrameBytes: () => number;
}

/** What has no connection, on servers where only a browser shall have one. */
const NONE: RealtimeConnection<unknown> = { send() {}, close() {} };

export function createRealtime(parts: RealtimeParts): {
  readonly client: RealtimeClient;
  readonly closeAll: () => void;
} {
  /** Those that have a connection, or are making one. */
  const alive = new Set<OpenConnection>();
  const byKey = new Map<string, OpenConnection>();
  const create = (id: string, handler: RealtimeConnectionHandler<unknown>): OpenConnection => {
    const { connectionKey: key } = handler;
    const onAlive = (isAlive: boolean) => void (isAlive ? alive.add(connection) : alive.delete(connection));
    const { close, ...made } = connectTo(parts, id, handler, onAlive);
    const connection = {
      ...made,
      close() {
        if (key !== undefined && byKey.get(key) === connection) byKey.delete(key);
        close();
      },
    };
    if (key !== undefined) byKey.set(key, connection);
    return connection;
  };
  const connect = (app: string, handler: RealtimeConnectionHandler<unknown>): RealtimeConnection<unknown> => {
    checkHandler(handler);
    const { id } = parseEndpointId(app);
    const { clientOnly = isReact() && !parts.isBrowser(), connectionKey: key } = handler;
    if (clientOnly && !parts.isBrowser()) return NONE;
    if (runHere(`The connection to ${id}`)) throw withinRun(id);
    // Before the first input comes.
    loadMsgpack().catch(() => {});
    const known = key === undefined ? undefined : byKey.get(key);
    known?.setHandler(handler);
    return known ?? create(id, handler);
  };
  return {
    client: { connect: connect as RealtimeClient["connect"] },
    closeAll() {
      for (const connection of alive) connection.close();
    },
  };
}

function connectTo(
  { services: given, runBase, webSocket, maxFrameBytes }: RealtimeParts,
  endpoint: string,
  handler: RealtimeConnectionHandler<unknown>,
  onAlive: (isAlive: boolean) => void,
): OpenConnection {
  const services = given();
  const { tokenProvider, tokenExpirationSeconds, maxBuffering, tags } = handler;
  const path = pathOf(endpoint, handler.path);
  // Of whom it is for nothing can be asked later.
  const prepared = prepare(services, endpoint, { input: {}, ...(tags && { tags }) });
  prepared.catch(() => {});
  return createConnection(
    {
      ...{ services, endpoint, prepared, onAlive },
      tokens: tokenSource(
        services.clock,
        (signal) =>
          tokenProvider ? tokenProvider(`${endpoint}${path}`) : services.issueToken(endpoint, { signal }),
        tokenProvider ? tokenExpirationSeconds : TOKEN_SECONDS,
      ),
      ...{ socketClass: webSocket, maxFrameBytes },
      address(token) {
        const url = new URL(`${runBase()}/${endpoint}${path}`);
        url.protocol = url.protocol.replace("http", "ws");
        url.searchParams.set("fal_jwt_token", token);
        if (maxBuffering !== undefined) url.searchParams.set("max_buffering", maxBuffering.toFixed(0));
        return url.href;
      },
    },
    handler,
  );
}

/** Source: the official client, whose ids may name the path too. */
function pathOf(endpoint: string, path: string | undefined): string {
  if (path) return `/${path.replace(/^\/+/, "")}`;
  return endpoint.endsWith("/realtime") ? "" : "/realtime";
}

/** Whether React, or Next around it, is what renders here. */
const isReact = (): boolean => /node_modules\/(react-dom|next)\//.test(new Error("here").stack ?? "");

const withinRun = (endpoint: string) =>
  new InvalidArgumentError(
    `The connection to ${endpoint} was asked for within a run, which could not find again what it gave. Nothing was sent. ` +
      "Connect outside of the run, or call an endpoint that takes one input: fal.subscribe or fal.stream.",
  );
