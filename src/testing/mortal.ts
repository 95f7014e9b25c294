import type { Logger, Store } from "../index.ts";

/** What a process does, until it is killed: from then on nothing of it reaches anybody, and nothing comes back. */
export interface Mortal {
  readonly store: Store;
  readonly fetch: typeof fetch;
  readonly logger: Logger;
  kill(): void;
}

const never = (): Promise<never> => new Promise<never>(() => {});

/** As a client does it that was given no logger. */
const warnings: Logger = { warn: (_, message) => process.emitWarning(message, "FalWarning") };

/** @param server What its requests go to. */
export function mortal(
  store: Store,
  server: (request: Request) => Promise<Response>,
  logger = warnings,
): Mortal {
  let isDead = false;
  const unlessDead = async <T>(act: () => Promise<T>): Promise<T> => {
    if (isDead) return never();
    const result = await act();
    return isDead ? never() : result;
  };
  return {
    store: guarded(store, unlessDead) as Store,
    fetch: (input, init) => unlessDead(() => heeding(new Request(input, init), server)),
    logger: new Proxy(logger, {
      get(target, level: keyof Logger) {
        const write = target[level];
        return (
          write && ((...line: Parameters<typeof write>) => (isDead ? undefined : write.apply(target, line)))
        );
      },
    }),
    kill() {
      isDead = true;
    },
  };
}

/** Each function of a store, and of what it is made of, done by `around`. */
function guarded(of: object, around: <T>(act: () => Promise<T>) => Promise<T>): object {
  const entries = Object.entries(of).map(([name, value]: [string, unknown]) => {
    if (typeof value === "function") return [name, (...args: unknown[]) => around(() => value(...args))];
    return [name, typeof value === "object" && value !== null ? guarded(value, around) : value];
  });
  return Object.fromEntries(entries);
}

/** As a runtime's own `fetch`: it heeds the request's signal, before the headers and within the body. */
async function heeding(request: Request, server: (request: Request) => Promise<Response>): Promise<Response> {
  const { signal } = request;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => {});
  signal.addEventListener("abort", () => aborted.reject(signal.reason), { once: true });
  const response = await Promise.race([server(request), aborted.promise]);
  if (!response.body) return response;
  return new Response(response.body.pipeThrough(new TransformStream(), { signal }), response);
}
