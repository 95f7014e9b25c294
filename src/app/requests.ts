/** A request that is being answered. Most are answered before anybody asks for a signal, so those are made late. */
export class UnderWay {
  /** The endpoint that answers it. */
  readonly path: string;
  readonly requestId: string;
  /** Why it ends early, if it does. */
  #reason: DOMException | undefined;
  isCancelled = false;
  isLetGo = false;
  #cancelled: AbortController | undefined;
  #over: AbortController | undefined;

  constructor(path: string, requestId: string) {
    this.path = path;
    this.requestId = requestId;
  }

  /** Aborts when it is cancelled or its caller has left: its calls are cancelled with it. */
  get cancelled(): AbortSignal {
    this.#cancelled ??= new AbortController();
    if (this.isCancelled) this.#cancelled.abort(this.#reason);
    return this.#cancelled.signal;
  }

  /** Aborts then too, and when the runner ends and leaves it to the next one. */
  get over(): AbortSignal {
    this.#over ??= new AbortController();
    if (this.#reason) this.#over.abort(this.#reason);
    return this.#over.signal;
  }

  cancel(why: string): void {
    this.isCancelled = true;
    this.#reason ??= new DOMException(why, "AbortError");
    this.#cancelled?.abort(this.#reason);
    this.#over?.abort(this.#reason);
  }

  letGo(): void {
    this.isLetGo = true;
    this.#reason ??= new DOMException("The runner is shutting down.", "AbortError");
    this.#over?.abort(this.#reason);
  }
}

/** The requests that this runner answers now. */
export interface Requests {
  begin(path: string, requestId: string): UnderWay;
  /** It is answered, to its last byte. */
  end(request: UnderWay): void;
  /** @returns whether there is such a request. */
  cancel(path: string, requestId: string, why: string): boolean;
  readonly count: number;
  /** Resolves when there is none. */
  idle(): Promise<void>;
  /** Leaves all of them to whoever gets them next. */
  letGo(): void;
}

export function requestsUnderWay(): Requests {
  const all = new Set<UnderWay>();
  const waiting = new Set<() => void>();
  return {
    begin(path, requestId) {
      const request = new UnderWay(path, requestId);
      all.add(request);
      return request;
    },
    end(request) {
      all.delete(request);
      if (all.size > 0 || waiting.size === 0) return;
      for (const resolve of waiting) resolve();
      waiting.clear();
    },
    cancel(path, requestId, why) {
      const meant = [...all].filter((request) => request.path === path && request.requestId === requestId);
      for (const request of meant) request.cancel(why);
      return meant.length > 0;
    },
    get count() {
      return all.size;
    },
    idle: () =>
      all.size === 0 ? Promise.resolve() : new Promise<void>((resolve) => void waiting.add(resolve)),
    letGo() {
      for (const request of all) request.letGo();
    },
  };
}
