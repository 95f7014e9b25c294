import type { Clock } from "../base/clock.ts";
import { inTime } from "../base/clock.ts";
import { OVER, whenAborted } from "../base/signal.ts";
import { ApiError } from "../errors/api.ts";

/** What a runtime gives, or a program in its place. */
export type WebSocketClass = new (url: string) => WebSocket;

/** An open connection. */
export interface Socket {
  /** False where it is not open any more: nothing was sent. */
  send(frame: Uint8Array | string): boolean;
  close(): void;
  /** How it ended. Never rejects. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

/** A handshake that has no answer by then never will, in milliseconds. */
const HANDSHAKE_MS = 30_000;
const OPEN = 1;
const NORMAL = 1000;

/** A connection that broke, or could not be made, with the code of its end: it may be tried again. */
export const isOfSocket = (error: unknown): boolean => broken.has(error as object);
const broken = new WeakSet<object>();

const brokenSocket = (endpoint: string, code: number, message: string): ApiError => {
  const error = new ApiError({ status: code, body: undefined, message, endpoint, billed: "unknown" });
  broken.add(error);
  return error;
};

/** What a connection that ended by itself failed with; undefined where it ended in good order. */
export const endOf = (
  endpoint: string,
  { code, reason }: { readonly code: number; readonly reason: string },
): ApiError | undefined =>
  code === NORMAL
    ? undefined
    : brokenSocket(
        endpoint,
        code,
        `The connection to ${endpoint} was closed (${code}${reason ? `: ${reason}` : ""}). What was sent and not answered is ` +
          "not sent again.",
      );

/**
 * Opens a connection. Whenever the signal aborts, it is closed, also while it is being made.
 *
 * @throws {ApiError} where it cannot be made.
 */
export async function openSocket(
  Class: WebSocketClass,
  address: string,
  {
    endpoint,
    clock,
    signal,
    onMessage,
  }: {
    readonly endpoint: string;
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly onMessage: (data: unknown) => void;
  },
): Promise<Socket> {
  const socket = new Class(address);
  socket.binaryType = "arraybuffer";
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<{ code: number; reason: string }>();
  const over = new AbortController();
  const close = () => socket.close();
  socket.onopen = () => opened.resolve();
  socket.onmessage = ({ data }) => onMessage(data);
  // Nothing can be learnt from it, and the end follows.
  socket.onerror = () => {};
  socket.onclose = ({ code, reason }) => {
    over.abort(OVER);
    closed.resolve({ code, reason });
    opened.reject(
      brokenSocket(
        endpoint,
        code,
        `The connection to ${endpoint} could not be made (${code}). Nothing was sent.`,
      ),
    );
  };
  opened.promise.catch(() => {});
  whenAborted(signal, over.signal, close);
  const late = brokenSocket(endpoint, 1006, `${endpoint} did not answer within ${HANDSHAKE_MS / 1000} s.`);
  try {
    await inTime(clock, HANDSHAKE_MS, late, () => opened.promise);
    signal.throwIfAborted();
  } catch (error) {
    close();
    throw error;
  }
  return {
    send(frame) {
      if (socket.readyState !== OPEN) return false;
      // A view of a larger buffer is sent as what it shows.
      socket.send(frame as string);
      return true;
    },
    close,
    closed: closed.promise,
  };
}
