/**
 * A log that any number of readers read from its first event, each with its own cursor. Events marked `droppable` are
 * kept in a bounded ring; the others are kept always. A slow reader never holds the writer back.
 */
export interface EventLog<E> {
  push(event: E): void;
  /** No more events will come: loops end. */
  end(): void;
  /** No more events will come: loops throw `error` after the last one. */
  fail(error: unknown): void;
  /** From the event with this number on; the first has number 0. Leaving the loop detaches, and does nothing else. */
  read(from?: number): AsyncIterableIterator<E>;
}

interface Entry<E> {
  readonly number: number;
  readonly event: E;
}

export interface EventLogOptions<E> {
  readonly droppable: (event: E) => boolean;
  /** How many droppable events are kept. */
  readonly keep: number;
  /** Says in an event how many before it a reader missed. */
  readonly withDropped: (event: E, dropped: number) => E;
}

class Log<E> implements EventLog<E> {
  readonly options: EventLogOptions<E>;
  readonly entries: Entry<E>[] = [];
  readonly waiting = new Set<() => void>();
  outcome: { readonly failed: boolean; readonly error?: unknown } | undefined;
  #count = 0;
  #droppable = 0;

  constructor(options: EventLogOptions<E>) {
    this.options = options;
  }

  push(event: E): void {
    if (this.outcome) return;
    const { entries, options } = this;
    entries.push({ number: this.#count++, event });
    if (options.droppable(event) && ++this.#droppable > options.keep) {
      const oldest = entries.findIndex((entry) => options.droppable(entry.event));
      entries.splice(oldest, 1);
      this.#droppable--;
    }
    this.#wake();
  }

  end(): void {
    this.#close({ failed: false });
  }

  fail(error: unknown): void {
    this.#close({ failed: true, error });
  }

  read(from = 0): AsyncIterableIterator<E> {
    return cursor(this, from);
  }

  #close(outcome: Log<E>["outcome"]): void {
    this.outcome ??= outcome;
    this.#wake();
  }

  #wake(): void {
    for (const resume of [...this.waiting]) resume();
  }
}

export const eventLog = <E>(options: EventLogOptions<E>): EventLog<E> => new Log(options);

function cursor<E>(log: Log<E>, from: number): AsyncIterableIterator<E> {
  const { entries, waiting, options } = log;
  let next = from;
  let missed = 0;
  let left = false;
  let detach: () => void = () => {};

  const take = (): E | undefined => {
    const entry = entries[indexOf(entries, next)];
    if (!entry) return undefined;
    missed += entry.number - next;
    next = entry.number + 1;
    if (missed === 0 || !options.droppable(entry.event)) return entry.event;
    const event = options.withDropped(entry.event, missed);
    missed = 0;
    return event;
  };

  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      while (!left) {
        const event = take();
        if (event !== undefined) return { done: false, value: event };
        if (log.outcome) {
          left = true;
          if (log.outcome.failed) throw log.outcome.error;
          break;
        }
        await new Promise<void>((resolve) => {
          detach = () => {
            waiting.delete(detach);
            resolve();
          };
          waiting.add(detach);
        });
        waiting.delete(detach);
      }
      return { done: true, value: undefined };
    },
    async return() {
      left = true;
      detach();
      return { done: true, value: undefined };
    },
  };
}

/** The first entry whose number is at least `number`: entries are sorted by it. */
function indexOf(entries: readonly Entry<unknown>[], number: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle]?.number ?? number) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
