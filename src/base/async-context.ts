import { RunStateError } from "../errors/runs.ts";
import { builtin } from "./builtin.ts";
import { VERSION } from "./version.ts";

/** A value that follows the asynchronous flow of control. */
export interface AsyncContext<T> {
  get(): T | undefined;
  run<R>(value: T, fn: () => R): R;
  /** Undefined where the value follows all code, as it does with AsyncLocalStorage. */
  readonly lossy: Lossy | undefined;
}

/** Without AsyncLocalStorage a value holds until the first `await`. Tells whether there is code that may have lost one. */
export interface Lossy {
  /** Such code begins; what this gives is called when it has ended. */
  begin(): () => void;
  /** What is begun later has a higher one. */
  mark(): number;
  /** Whether some is under way that began after `mark`. @default any */
  isUnderWay(mark?: number): boolean;
}

interface Storage<T> {
  getStore(): T | undefined;
  run<R>(value: T, fn: () => R): R;
  readonly lossy?: Lossy;
}

/** A value, and the version of the package that it is of. */
interface Versioned<T> {
  readonly version: string;
  readonly value: T;
}

/** All of this copy of the package, for what is to run in all of them. */
const contexts: AsyncContext<unknown>[] = [];

/**
 * AsyncLocalStorage where the runtime has it. Elsewhere the value holds until the first `await`: pass the run explicitly
 * there.
 *
 * It is one for the whole process, by its name: a second copy of this package (a plugin's, a bundle's) sees what the first
 * one has set.
 *
 * @throws {RunStateError} (`get`) where a copy of another version has set it, whose values are not known here.
 */
export function asyncContext<T>(name: string): AsyncContext<T> {
  const shared = globalThis as unknown as Record<symbol, Storage<Versioned<T>> | undefined>;
  const key = Symbol.for(`fal-chain.${name}`);
  const storage = shared[key] ?? createStorage<Versioned<T>>();
  shared[key] = storage;
  const context: AsyncContext<T> = {
    get() {
      const current = storage.getStore();
      if (current && current.version !== VERSION) throw otherVersion(current.version);
      return current?.value;
    },
    run: (value, fn) => storage.run({ version: VERSION, value }, fn),
    lossy: storage.lossy,
  };
  contexts.push(context as AsyncContext<unknown>);
  return context;
}

const otherVersion = (version: string): RunStateError =>
  new RunStateError(
    "run_elsewhere",
    `This was called by version ${VERSION} of fal-chain within what version ${version} has begun, in the same process: it ` +
      "would lose its run, its tags and its budget. Nothing was sent. Have one version installed (npm ls fal-chain).",
  );

interface NodeStorage {
  new <T>(): Storage<T>;
  bind<F extends (...args: never[]) => unknown>(fn: F): F;
}

/** Some runtimes have it as a global only. */
const asyncLocalStorage = (): NodeStorage | undefined =>
  builtin("node:async_hooks")?.AsyncLocalStorage ??
  (globalThis as { AsyncLocalStorage?: NodeStorage }).AsyncLocalStorage;

function createStorage<T>(): Storage<T> {
  const Native = asyncLocalStorage();
  if (Native) return new Native<T>();
  let current: T | undefined;
  let begun = 0;
  const underWay = new Set<number>();
  return {
    getStore: () => current,
    run(value, fn) {
      const outer = current;
      current = value;
      try {
        return fn();
      } finally {
        current = outer;
      }
    },
    lossy: {
      begin() {
        const nth = ++begun;
        underWay.add(nth);
        return () => void underWay.delete(nth);
      },
      mark: () => begun,
      isUnderWay: (mark = 0) => [...underWay].some((nth) => nth > mark),
    },
  };
}

/** Runs `fn` with the value. The body of a generator that it gives runs with it too, wherever its next value is asked for. */
export function runWith<T, R>(context: AsyncContext<T>, value: T, fn: () => R): R {
  const result = context.run(value, fn);
  return isGenerator(result) ? steppedWith(context, value, result) : result;
}

const isGenerator = (value: unknown): value is object =>
  typeof (value as { readonly next?: unknown } | null | undefined)?.next === "function" &&
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
 * too. Without AsyncLocalStorage, until its first `await`.
 */
export function bound<F extends (...args: never[]) => unknown>(fn: F): F {
  const Native = asyncLocalStorage();
  if (Native) return Native.bind(fn);
  const here = contexts.flatMap((context) => {
    const value = context.get();
    return value === undefined ? [] : [{ context, value }];
  });
  const bind = (inner: () => unknown, { context, value }: (typeof here)[number]) => {
    return () => context.run(value, inner);
  };
  return ((...args: never[]) => here.reduce(bind, () => fn(...args))()) as F;
}
