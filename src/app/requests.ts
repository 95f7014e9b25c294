/** A request that is being answered. */
export interface UnderWay {
  readonly path: string;
  readonly requestId: string;
  /** Aborts when it is cancelled or its caller has left: its calls are cancelled with it. */
  readonly cancelled: AbortController;
  /** Aborts then too, and when the runner ends and leaves it to the next one. */
  readonly over: AbortController;
  isLetGo: boolean;
}

/** The requests that this runner answers now. */
export interface Requests {
  /** @param path The endpoint that answers it. */
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
      const request: UnderWay = {
        ...{ path, requestId, isLetGo: false },
        cancelled: new AbortController(),
        over: new AbortController(),
      };
      all.add(request);
      return request;
    },
    end(request) {
      all.delete(request);
      if (all.size > 0) return;
      for (const resolve of waiting) resolve();
      waiting.clear();
    },
    cancel(path, requestId, why) {
      const meant = [...all].filter((request) => request.path === path && request.requestId === requestId);
      for (const request of meant) cancelRequest(request, why);
      return meant.length > 0;
    },
    get count() {
      return all.size;
    },
    idle: () =>
      all.size === 0 ? Promise.resolve() : new Promise<void>((resolve) => void waiting.add(resolve)),
    letGo() {
      for (const request of all) {
        request.isLetGo = true;
        request.over.abort(new DOMException("The runner is shutting down.", "AbortError"));
      }
    },
  };
}

export function cancelRequest({ cancelled, over }: UnderWay, why: string): void {
  const reason = new DOMException(why, "AbortError");
  cancelled.abort(reason);
  over.abort(reason);
}
