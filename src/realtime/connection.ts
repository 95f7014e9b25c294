import { abortable, OVER } from "../base/signal.ts";
import type { Prepared } from "../calls/prepare.ts";
import type { Services } from "../calls/services.ts";
import { EnvironmentError } from "../errors/environment.ts";
import { ReplyTooLargeError } from "../errors/network.ts";
import { decoded, frameOf, isLarger, loadMsgpack, messageOf, type Outgoing, outgoing } from "./frames.ts";
import type { RealtimeConnection, RealtimeConnectionHandler, RealtimeState } from "./options.ts";
import { beginSession, type Session } from "./session.ts";
import { endOf, isOfSocket, openSocket, type Socket, type WebSocketClass } from "./socket.ts";
import { throttled } from "./throttle.ts";
import type { TokenSource } from "./tokens.ts";

export interface ConnectionParts {
  readonly services: Services;
  readonly endpoint: string;
  /** Whom it is for. */
  readonly prepared: Promise<Prepared>;
  readonly tokens: TokenSource;
  readonly socketClass: () => WebSocketClass | undefined;
  readonly address: (token: string) => string;
  readonly maxFrameBytes: () => number;
  /** Told when it begins to connect, and when it is idle again. */
  readonly onAlive: (isAlive: boolean) => void;
}

export interface OpenConnection extends RealtimeConnection<unknown> {
  /** From now on these are told. */
  setHandler(handler: RealtimeConnectionHandler<unknown>): void;
}

const THROTTLE_MS = 128;
/** So often a connection for what waits is tried, with growing pauses; the next `send` tries again. */
const MOST_TRIES = 6;

/** A connection that is made when something is to be sent, and again when it has ended since. */
export function createConnection(
  parts: ConnectionParts,
  first: RealtimeConnectionHandler<unknown>,
): OpenConnection {
  const { services } = parts;
  const { clock } = services;
  const { throttleInterval = THROTTLE_MS, maxBuffering = 1 } = first;
  const line: Line = { parts, handler: first, waiting: [], socket: undefined, life: undefined };

  const send = throttled<Outgoing>(clock, throttleInterval, (what) => {
    line.waiting.push(what);
    line.waiting.splice(0, line.waiting.length - Math.floor(maxBuffering));
    if (line.socket) flush(line);
    if (!line.life) void keepUp(line);
  });
  return {
    setHandler(handler) {
      line.handler = handler;
    },
    send: (input) => send(outgoing(input, line.handler.encodeMessage)),
    close() {
      send.cancel();
      line.waiting.length = 0;
      line.life?.abort(OVER);
    },
  };
}

interface Line {
  readonly parts: ConnectionParts;
  handler: RealtimeConnectionHandler<unknown>;
  /** What could not be sent yet, oldest first. */
  readonly waiting: Outgoing[];
  /** Undefined unless it is open. */
  socket: { readonly socket: Socket; readonly traffic: Traffic } | undefined;
  /** Of the connection that is open or being made, until it is closed from here. */
  life: AbortController | undefined;
}

interface Traffic {
  sent: number;
  received: number;
}

/** What waits is sent for as long as the connection takes it. */
function flush({ socket: open, waiting }: Line): void {
  if (!open) return;
  for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
    // Whoever connected has loaded what encodes.
    if (!open.socket.send(next as Uint8Array | string)) return;
    open.traffic.sent++;
    waiting.shift();
  }
}

/** Connects, and once more where the connection is lost while something waits. */
async function keepUp(line: Line): Promise<void> {
  const { services } = line.parts;
  const life = new AbortController();
  line.life = life;
  line.parts.onAlive(true);
  try {
    for (let tries = 1; !life.signal.aborted; ) {
      const error = await connectOnce(line, life.signal).then(
        ({ end }) => {
          tries = 1;
          return end;
        },
        (error: unknown) => error,
      );
      if (life.signal.aborted) return;
      if (error !== undefined) tell(line, "onError", error);
      if (line.waiting.length === 0 || (error !== undefined && !isOfSocket(error)) || tries >= MOST_TRIES)
        return;
      say(line, "connecting");
      await services.clock.sleep(services.retryPause(tries++), life.signal);
    }
  } catch {
    // It was closed from here.
  } finally {
    line.life = undefined;
    line.parts.onAlive(false);
    say(line, "idle");
    // What came while it was being closed is for another connection; a callback may have asked for that already.
    if (life.signal.aborted && line.waiting.length > 0 && !line.life) void keepUp(line);
  }
}

/** One connection, from its token to its end. @returns what it ended with; undefined where that was in good order. */
async function connectOnce(line: Line, signal: AbortSignal): Promise<{ readonly end: unknown }> {
  const { services, endpoint, tokens, socketClass, address } = line.parts;
  say(line, "connecting");
  const [prepared, msgpack] = await Promise.all([line.parts.prepared, loadMsgpack()]);
  const Class = socketClass();
  if (!Class) throw noWebSocket();
  const token = await tokens.fresh(signal);
  const session = await beginSession(services, prepared);
  const traffic = { sent: 0, received: 0 };
  let socket: Socket;
  try {
    signal.throwIfAborted();
    const onMessage = inbox(line, traffic);
    socket = await openSocket(Class, address(token), { endpoint, clock: services.clock, signal, onMessage });
  } catch (error) {
    // It may have been refused for its token.
    tokens.drop();
    session.refused(error);
    throw error;
  }
  const over = new AbortController();
  tokens.keepFresh(over.signal).catch(() => {});
  try {
    await noteOpened(line, session);
    line.waiting.splice(0, line.waiting.length, ...line.waiting.map((what) => frameOf(msgpack, what)));
    line.socket = { socket, traffic };
    say(line, "open");
    flush(line);
    return { end: endOf(endpoint, await abortable(socket.closed, signal)) };
  } finally {
    line.socket = undefined;
    over.abort(OVER);
    session.ended(traffic);
  }
}

const noteOpened = (line: Line, session: Session): Promise<void> =>
  session.opened().catch((error: unknown) => {
    line.parts.services.report(`The connection to ${line.parts.endpoint} is not noted as open`, error);
  });

/** Takes messages in their order, however long it takes to read one. */
function inbox(line: Line, traffic: Traffic): (data: unknown) => void {
  const { endpoint, tokens, maxFrameBytes } = line.parts;
  let before: Promise<void> = Promise.resolve();
  const read = async (data: unknown) => {
    const { decodeMessage = decoded } = line.handler;
    const maxBytes = maxFrameBytes();
    if (isLarger(data, maxBytes)) throw tooLarge(endpoint, maxBytes);
    const message = messageOf(await decodeMessage(data), endpoint);
    if (message.kind === "aside") return;
    if (message.kind === "result") {
      traffic.received++;
      tell(line, "onResult", message.result);
      return;
    }
    tell(line, "onError", message.error);
    if (message.kind !== "unauthorized") return;
    tokens.drop();
    line.socket?.socket.close();
  };
  return (data) => {
    before = before.then(() => read(data)).catch((error: unknown) => tell(line, "onError", error));
  };
}

const tooLarge = (endpoint: string, maxBytes: number) =>
  new ReplyTooLargeError(`The connection to ${endpoint}`, maxBytes, { endpoint, billed: "unknown" });

const say = (line: Line, state: RealtimeState): void => tell(line, "onState", state);

/** The user's code runs here: it may throw, and the connection goes on all the same. */
function tell({ parts, handler }: Line, name: "onResult" | "onError" | "onState", what: unknown): void {
  try {
    (handler[name] as ((what: unknown) => void) | undefined)?.(what);
  } catch (error) {
    parts.services.report(`The callback ${name} threw`, error, { endpoint: parts.endpoint });
  }
}

const noWebSocket = () =>
  new EnvironmentError(
    "invalid_variable",
    "WebSocket",
    "is not there in this runtime",
    "Use a runtime that has one, as Node has from 22 on, or pass createFal({ webSocket }).",
  );
