import { type EventLogOptions, eventLog } from "../base/event-log.ts";

/** What listeners are told of; `message` is another name for `data`, of streams of events. */
export type StreamEventType = "data" | "message" | "error" | "done" | "close";

/** Events as they come: a loop over them, listeners, and a promise of the last one. Names are those of the official client. */
export interface EventStream<T> {
  /**
   * Calls `listener` from now on: with each event (`data`), the last one once it is over (`done`), or what it failed with
   * (`error`); `close` comes after either. One that throws is reported, and the stream goes on.
   */
  // biome-ignore lint/suspicious/noExplicitAny: as the official client has it: who listens says what comes
  on(type: StreamEventType, listener: (event: any) => void): void;
  /** The last event, once it is over. Rejects with what it failed with. */
  done(): Promise<T>;
  /** Closes the connection: loops end, and `done()` resolves with the last event that came. Does nothing once it is over. */
  abort(reason?: string | Error): void;
  /** Aborts when the stream is aborted, by whichever signal. */
  readonly signal: AbortSignal;
  /** Empty until the answer has begun. */
  readonly requestId: string;
  /** From the first event on. Throws what it failed with. */
  [Symbol.asyncIterator](): AsyncGenerator<Awaited<T>, void, unknown>;
}

export interface EventStreamOptions<T> {
  readonly log: EventLogOptions<Awaited<T>>;
  /** Aborts when it is to be closed. */
  readonly controller: AbortController;
  readonly requestId: () => string | undefined;
  readonly report: (what: string, error: unknown) => void;
  /** Somebody is told of a failure. */
  readonly onHeard: () => void;
  /** Whether somebody else says so of a failure that nobody is told of. */
  readonly isReported: boolean;
  /** Whether a loop that is left closes the stream, where nobody else wants it. */
  readonly closesWhenLeft: boolean;
}

export interface OpenEventStream<T> {
  readonly stream: EventStream<T>;
  push(event: Awaited<T>, isMessage: boolean): void;
  end(last: T): void;
  fail(error: unknown): void;
  /** It was closed from here. */
  close(): void;
}

export function eventStream<T>(options: EventStreamOptions<T>): OpenEventStream<T> {
  const { controller, onHeard } = options;
  const log = eventLog<Awaited<T>>(options.log);
  const { promise: ended, resolve, reject } = Promise.withResolvers<T>();
  if (options.isReported) ended.catch(() => {});
  const { tell, add, hasReaders } = listenersOf(options.report);
  let last: Awaited<T> | undefined;
  let isWanted = false;
  let isOver = false;
  let loops = 0;

  const hear = () => {
    onHeard();
    ended.catch(() => {});
  };
  const over = (how: () => void) => {
    if (isOver) return;
    isOver = true;
    how();
    tell("close");
  };
  const leave = () => {
    if (isOver || !options.closesWhenLeft) return;
    // Whoever asks for done() right after the loop wants the rest.
    setTimeout(() => {
      if (!isOver && !isWanted && loops === 0 && !hasReaders()) controller.abort();
    }, 0);
  };

  const stream: EventStream<T> = {
    on(type, listener) {
      if (type === "error") hear();
      add(type, listener);
    },
    done() {
      isWanted = true;
      onHeard();
      return ended;
    },
    abort(reason) {
      if (!isOver) controller.abort(reason);
    },
    signal: controller.signal,
    get requestId() {
      return options.requestId() ?? "";
    },
    [Symbol.asyncIterator]() {
      hear();
      loops++;
      return leavable(log.read(), () => {
        loops--;
        leave();
      });
    },
  };
  return {
    stream,
    push(event, isMessage) {
      last = event;
      log.push(event);
      tell("data", event);
      if (isMessage) tell("message", event);
    },
    end: (value) =>
      over(() => {
        log.end();
        resolve(value);
        tell("done", value);
      }),
    fail: (error) =>
      over(() => {
        log.fail(error);
        reject(error);
        tell("error", error);
      }),
    close: () =>
      over(() => {
        log.end();
        // As the official client has it, also where nothing came.
        resolve((last ?? {}) as T);
      }),
  };
}

/** A loop that ends at once where it is left, also while it waits: a generator would wait for the next event. */
function leavable<E>(reader: AsyncIterableIterator<E>, onEnd: () => void): AsyncGenerator<E, void, unknown> {
  let hasEnded = false;
  const end = () => {
    if (hasEnded) return;
    hasEnded = true;
    onEnd();
  };
  const loop = {
    async next() {
      try {
        const step = await reader.next();
        if (step.done) end();
        return step;
      } catch (error) {
        end();
        throw error;
      }
    },
    async return() {
      end();
      await reader.return?.();
      return { done: true, value: undefined } as const;
    },
    async throw(error: unknown) {
      await loop.return();
      throw error;
    },
    [Symbol.asyncIterator]: () => loop,
    ...(Symbol.asyncDispose && { [Symbol.asyncDispose]: async () => void (await loop.return()) }),
  };
  return loop as unknown as AsyncGenerator<E, void, unknown>;
}

function listenersOf(report: EventStreamOptions<unknown>["report"]) {
  const listeners = new Map<StreamEventType, ((event: unknown) => void)[]>();
  return {
    add(type: StreamEventType, listener: (event: unknown) => void) {
      listeners.set(type, [...(listeners.get(type) ?? []), listener]);
    },
    /** Whether somebody listens to what comes. */
    hasReaders: () => (["data", "message", "done"] as const).some((type) => listeners.has(type)),
    tell(type: StreamEventType, event?: unknown) {
      for (const listener of listeners.get(type) ?? []) {
        try {
          listener(event);
        } catch (error) {
          report(`The listener on "${type}" threw`, error);
        }
      }
    },
  };
}
