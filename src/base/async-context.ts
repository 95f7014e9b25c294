/** A value that follows the asynchronous flow of control. */
export interface AsyncContext<T> {
  get(): T | undefined;
  run<R>(value: T, fn: () => R): R;
}

interface Storage<T> {
  getStore(): T | undefined;
  run<R>(value: T, fn: () => R): R;
}

/**
 * AsyncLocalStorage where the runtime has it, found without a `node:` import so that bundlers for other runtimes are
 * not disturbed. Elsewhere the value holds until the first `await`: pass the run explicitly there.
 */
export function asyncContext<T>(): AsyncContext<T> {
  const builtin = globalThis.process?.getBuiltinModule?.("node:async_hooks");
  if (builtin) {
    const storage: Storage<T> = new builtin.AsyncLocalStorage<T>();
    return { get: () => storage.getStore(), run: (value, fn) => storage.run(value, fn) };
  }
  let current: T | undefined;
  return {
    get: () => current,
    run(value, fn) {
      const outer = current;
      current = value;
      try {
        return fn();
      } finally {
        current = outer;
      }
    },
  };
}

/** Runs `fn` with the value. The body of a generator that it gives runs with it too, wherever its next value is asked for. */
export function runWith<T, R>(context: AsyncContext<T>, value: T, fn: () => R): R {
  const result = context.run(value, fn);
  return isGenerator(result) ? steppedWith(context, value, result) : result;
}

const isGenerator = (value: unknown): value is object =>
  /^\[object (Async)?Generator\]$/.test(Object.prototype.toString.call(value));

function steppedWith<T, G extends object>(context: AsyncContext<T>, current: T, generator: G): G {
  const inside: G = new Proxy(generator, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      if (name === Symbol.asyncIterator || name === Symbol.iterator) return () => inside;
      return (...args: unknown[]) => context.run(current, () => Reflect.apply(value, target, args));
    },
  });
  return inside;
}

/**
 * A function that runs where this was called, wherever it is called: in every context at once, those of other libraries
 * too. Without AsyncLocalStorage it is the function itself.
 */
export function bound<F extends (...args: never[]) => unknown>(fn: F): F {
  const builtin = globalThis.process?.getBuiltinModule?.("node:async_hooks");
  return builtin ? (builtin.AsyncLocalStorage.bind(fn) as F) : fn;
}
