import type { Clock } from "../base/clock.ts";

/** What is open while the runner serves. */
export interface Opened {
  /** Takes no more requests, and resolves when those under way are answered. */
  drain(): Promise<unknown>;
  /** Leaves what is still under way to the next runner. */
  letGo?(): Promise<unknown>;
  /** Closes the port, and what is open of it. */
  close(): Promise<unknown>;
}

/** Node's HTTP server, as far as it is closed here. */
export interface Closable {
  close(done?: (error?: Error) => void): unknown;
  closeIdleConnections(): void;
  closeAllConnections(): void;
  on(event: "request", listener: (request: unknown, response: ClosableResponse) => void): unknown;
  prependListener(
    event: "request",
    listener: (request: unknown, response: ClosableResponse) => void,
  ): unknown;
}

export interface ClosableResponse {
  readonly headersSent: boolean;
  setHeader(name: string, value: string): unknown;
  once(event: "close", listener: () => void): unknown;
}

export const isServer = (opened: object): opened is Closable =>
  "closeIdleConnections" in opened && "closeAllConnections" in opened;

/**
 * How long the port stays open after SIGTERM: fal's gateway may have sent a request before it hears of it, and a
 * connection that is closed under one resets it.
 */
const LAG_MS = 250;

/** Closes a server of Node's without resetting whoever is talking to it. */
export function openedServer(server: Closable, clock: Clock): Opened {
  const underWay = new Set<ClosableResponse>();
  let isClosing = false;
  let whenIdle = () => {};
  server.prependListener("request", (_, response) => {
    underWay.add(response);
    if (isClosing) response.setHeader("connection", "close");
    response.once("close", () => {
      underWay.delete(response);
      if (underWay.size === 0) whenIdle();
    });
  });
  const answered = () =>
    new Promise<void>((resolve) => {
      whenIdle = resolve;
      if (underWay.size === 0) resolve();
    });
  return {
    async drain() {
      isClosing = true;
      for (const response of underWay) {
        if (!response.headersSent) response.setHeader("connection", "close");
      }
      await clock.sleep(LAG_MS);
      await answered();
    },
    async close() {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
      // What was let go has its answer still on the way.
      await answered();
      server.closeAllConnections();
      await closed;
    },
  };
}
