import type { Context, ContextManager, Span, Tracer, TracerProvider } from "@opentelemetry/api";

/** What spans need of OpenTelemetry. */
export interface OpenTelemetry {
  tracer(name: string, version: string): Tracer;
  /** What the current code belongs to. */
  active(): Context;
  spanOf(context: Context): Span | undefined;
  /** Runs `fn` as a part of a span. */
  within<T>(span: Span, fn: () => T): T;
}

/**
 * Where each copy of `@opentelemetry/api` 1.x finds what the program has registered with another one. Read from there and not
 * from a copy of ours, it is found in a bundle too, whichever form that has.
 */
const REGISTERED = Symbol.for("opentelemetry.js.api.1");

interface Registered {
  readonly trace?: TracerProvider;
  readonly context?: ContextManager;
}

/** What the program has registered by now; undefined where it traces nothing. */
export function openTelemetry(): OpenTelemetry | undefined {
  const { trace, context } = (globalThis as { [REGISTERED]?: Registered })[REGISTERED] ?? {};
  if (!trace) return undefined;
  const active = () => context?.active() ?? NO_CONTEXT;
  return {
    tracer: (name, version) => trace.getTracer(name, version),
    active,
    spanOf: (context) => context.getValue(SPAN) as Span | undefined,
    within: (span, fn) => (context ? context.with(withSpan(active(), span), fn) : fn()),
  };
}

export const withSpan = (context: Context, span: Span): Context => context.setValue(SPAN, span);

/** As the API names it: `createContextKey("OpenTelemetry Context Key SPAN")`. */
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");

/** A context is values by key, and never changes. */
const contextOf = (values: ReadonlyMap<symbol, unknown>): Context => ({
  getValue: (key) => values.get(key),
  setValue: (key, value) => contextOf(new Map([...values, [key, value]])),
  deleteValue: (key) => contextOf(new Map([...values].filter(([name]) => name !== key))),
});

const NO_CONTEXT = contextOf(new Map());
