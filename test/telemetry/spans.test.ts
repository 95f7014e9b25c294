import { context, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { memoryStore, type RunScope } from "fal-chain";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { createSpans } from "../../src/telemetry/spans.ts";
import { ECHO, ENV, failureOf, setup } from "../support/setup.ts";
import { instead, json } from "../support/wire.ts";

let exporter: InMemorySpanExporter;

beforeEach(() => {
  exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  trace.setGlobalTracerProvider(provider);
});

afterEach(() => {
  trace.disable();
  context.disable();
});

const spans = (): ReadableSpan[] => exporter.getFinishedSpans();
const span = (name: string): ReadableSpan => {
  const [found, ...more] = spans().filter((span) => span.name === name);
  if (!found || more.length > 0) throw new Error(`${spans().map((span) => span.name)} has no single ${name}`);
  return found;
};
const CALL = `generate_content ${ECHO}`;
const msOf = ([seconds, nanos]: readonly [number, number]) => Math.round(seconds * 1000 + nanos / 1e6);
const eventsOf = ({ events }: ReadableSpan) => events.map(({ name }) => name);

test("a call is a client span with its facts, its money and its times", async () => {
  const { fal, clock, emulator } = setup({
    env: { ...ENV, FAL_JOB_ID: "job-7", FAL_APP_NAME: "posters" },
  });
  const start = clock.now();
  await fal.subscribe(ECHO, { input: { prompt: "a fox" }, step: "draw", tags: { customer: "acme" } });
  const end = clock.now();
  await fal.close();
  const [job] = emulator.jobs;
  const found = span(CALL);
  expect(found.kind).toBe(SpanKind.CLIENT);
  expect(found.attributes).toEqual({
    "gen_ai.operation.name": "generate_content",
    "gen_ai.provider.name": "fal",
    "gen_ai.request.model": ECHO,
    "gen_ai.response.id": job?.requestId,
    "fal_chain.endpoint": ECHO,
    "fal_chain.call": expect.any(String),
    "fal_chain.step": "draw",
    "fal_chain.job_id": "job-7",
    "fal_chain.app": "posters",
    "fal_chain.request_id": job?.requestId,
    "fal_chain.reused": false,
    "fal_chain.tag.customer": "acme",
    "fal_chain.state": "completed",
    "fal_chain.units": 1,
    "fal_chain.cost.source": "measured",
    "fal_chain.cost.nano_usd": 10_000_000,
  });
  expect(eventsOf(found)).toEqual(["queued", "running"]);
  expect([msOf(found.startTime), msOf(found.endTime)]).toEqual([start, end]);
  expect(found.status.code).toBe(SpanStatusCode.UNSET);
});

describe.each(["with", "without"])("%s a context manager", (how) => {
  beforeEach(() => {
    if (how === "with") context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  });

  test("a run's span is the parent of its calls, and holds their total", async () => {
    const { fal } = setup();
    const poster = fal.chain("poster", async (_: { prompt: string }, run) => {
      await Promise.all([fal.subscribe(ECHO, { input: { a: 1 } }), fal.subscribe(ECHO, { input: { a: 2 } })]);
      await run.subscribe("acme/echo", { input: { a: 3 }, step: "third" });
      return "done";
    });
    await poster.start({ prompt: "a fox" }, { id: "order-1", tags: { customer: "acme" } });
    await fal.close();
    const run = span("chain poster");
    expect(run.kind).toBe(SpanKind.INTERNAL);
    expect(run.attributes).toEqual({
      "fal_chain.chain": "poster",
      "fal_chain.run": "order-1",
      "fal_chain.epoch": 1,
      "fal_chain.tag.customer": "acme",
      "fal_chain.state": "completed",
      "fal_chain.total.nano_usd": 30_000_000,
      "fal_chain.total.calls": 3,
      "fal_chain.total.unknown": 0,
    });
    const calls = spans().filter(({ name }) => name === CALL);
    expect(calls).toHaveLength(3);
    for (const { parentSpanContext, attributes } of calls) {
      expect(parentSpanContext?.spanId).toBe(run.spanContext().spanId);
      expect(attributes).toMatchObject({ "fal_chain.chain": "poster", "fal_chain.run": "order-1" });
    }
  });
});

test("the span of a request is the parent of its first call too, and of one that begins no run there is no epoch", async () => {
  const { fal } = setup({ trustRequestId: true });
  const request = (id: string) => new Headers({ "x-fal-request-id": id });
  const handler = async (run: RunScope) => {
    await fal.subscribe(ECHO, { input: {} });
    await run.subscribe(ECHO, { input: {} });
  };
  await fal.handle(request("r"), handler, { mayForget: true });
  const [run] = spans().filter(({ name }) => name === "chain request");
  const calls = spans().filter(({ name }) => name === CALL);
  expect(calls.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual(
    Array(2).fill(run?.spanContext().spanId),
  );
  expect(run?.attributes).toMatchObject({
    "fal_chain.run": "r",
    "fal_chain.epoch": 1,
    "fal_chain.total.calls": 2,
  });
  await fal.handle(request("free"), () => "done", { mayForget: true });
  await fal.close();
  const free = spans().at(-1)?.attributes;
  expect(free).toMatchObject({ "fal_chain.run": "free", "fal_chain.state": "completed" });
  expect(free).not.toHaveProperty("fal_chain.epoch");
});

test("spans of the program and of the client nest in each other", async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const { fal } = setup();
  const tracer = trace.getTracer("program");
  const inSpan = <R>(name: string, fn: () => Promise<R>): Promise<R> =>
    tracer.startActiveSpan(name, async (active: Span) => fn().finally(() => active.end()));
  const chain = fal.chain("poster", async () =>
    inSpan("inside", async () => (await fal.subscribe(ECHO, { input: {} })).requestId),
  );
  await inSpan("outside", async () => await chain.start());
  await fal.close();
  const parent = (name: string) => span(name).parentSpanContext?.spanId;
  expect(parent("chain poster")).toBe(span("outside").spanContext().spanId);
  expect(parent("inside")).toBe(span("chain poster").spanContext().spanId);
  expect(parent(CALL)).toBe(span("inside").spanContext().spanId);
});

test("what is reused is a span without money, since another span has it", async () => {
  const store = memoryStore();
  let fails = true;
  const { fal } = setup({ store });
  const chain = fal.chain("poster", async () => {
    await fal.subscribe(ECHO, { input: { prompt: "a fox" } });
    if (fails) throw new Error("not yet");
  });
  const run = chain.start(undefined, { id: "order-1" });
  await failureOf(run);
  await run.total;
  fails = false;
  await chain.resume("order-1");
  await fal.close();
  const [first, second] = spans().filter(({ name }) => name === CALL);
  expect(first?.attributes).toMatchObject({ "fal_chain.reused": false, "fal_chain.cost.nano_usd": 1e7 });
  expect(second?.attributes).toMatchObject({ "fal_chain.reused": true, "fal_chain.state": "completed" });
  expect(second?.attributes).not.toHaveProperty("fal_chain.cost.nano_usd");
  expect(second?.attributes["gen_ai.response.id"]).toBe(first?.attributes["gen_ai.response.id"]);
});

describe("a failure", () => {
  test("is an error by class and code, without its message", async () => {
    const wire = instead("result", () => json({ detail: "a fox is not allowed" }, { status: 422 }));
    const { fal } = setup({ wire });
    const chain = fal.chain("poster", async () => {
      await fal.subscribe(ECHO, { input: { prompt: "a fox" } });
    });
    const error = await failureOf(chain.start());
    expect(String(error)).toContain("a fox");
    await fal.close();
    for (const found of [span(CALL), span("chain poster")]) {
      expect(found.status).toEqual({ code: SpanStatusCode.ERROR, message: "validation" });
      expect(found.attributes).toMatchObject({ "error.type": "validation", "fal_chain.state": "failed" });
      expect(found.events.find(({ name }) => name === "exception")?.attributes).toEqual({
        "exception.type": "ValidationError",
        "fal_chain.error.code": "validation",
      });
      expect(JSON.stringify([found.attributes, found.events, found.status])).not.toContain("fox");
    }
  });

  test("that somebody wanted is none", async () => {
    const { fal } = setup();
    const call = fal.subscribe(ECHO, { input: {} });
    await call.submitted;
    await call.cancel();
    await failureOf(call);
    await fal.close();
    expect(span(CALL).status.code).toBe(SpanStatusCode.UNSET);
    expect(span(CALL).attributes["fal_chain.state"]).toBe("cancelled");
  });

  test("before anything is sent is a span too", async () => {
    const { fal } = setup({ env: {} });
    await failureOf(fal.subscribe(ECHO, { input: {} }));
    expect(span(CALL).attributes).toMatchObject({ "error.type": "missing_variable" });
  });
});

test.each(["onStart", "onEnd"])("a span processor whose %s throws does not fail a call", async (method) => {
  trace.disable();
  const broken = () => {
    throw new Error("no exporter");
  };
  const nothing = async () => {};
  const processor = { onStart() {}, onEnd() {}, forceFlush: nothing, shutdown: nothing, [method]: broken };
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [processor] }));
  const { fal } = setup();
  const chain = fal.chain("poster", async () => (await fal.subscribe(ECHO, { input: { a: 1 } })).data);
  expect(await chain.start()).toEqual({ echo: { a: 1 } });
  await fal.close();
});

test("where the program has no OpenTelemetry there is nothing to tell", () => {
  trace.disable();
  const absent = createSpans({ clock: systemClock, context: () => undefined });
  expect(absent.call({ id: "call-1", endpoint: ECHO, step: undefined })).toBeUndefined();
  const run = absent.run({ chain: "poster", run: "order-1", tags: {} });
  run.begun(1);
  expect(run.within(() => 7)).toBe(7);
  run.ended({ costs: Promise.resolve([]) });
  expect(spans()).toEqual([]);
});
