import type { StandardSchemaV1 } from "@standard-schema/spec";
import { linkedController } from "../base/signal.ts";
import { CallAbortedError, CallTimeoutError } from "../errors/giving-up.ts";
import { type AnyEndpoint, type EndpointId, type InputOf, idOf, type OutputOf } from "../queue/endpoint.ts";
import type { StreamedCall } from "../queue/queue.ts";
import { withoutStreamPath } from "../queue/stream.ts";
import { perform, settingsFor, startCall } from "./call.ts";
import { currentRun } from "./enclosing-run.ts";
import { type EventStream, eventStream, type OpenEventStream } from "./event-stream.ts";
import type { Done } from "./events.ts";
import { giveUp } from "./give-up.ts";
import { type LiveCall, liveCall } from "./live-call.ts";
import { prepare } from "./prepare.ts";
import type { Services } from "./services.ts";
import { checkStreamOptions, type StreamOptions } from "./stream-options.ts";
import { watchdog } from "./watchdog.ts";

/** What a model gives while it works. `done()` is the last of it, which is the result. */
export interface FalStream<Input, Output> extends EventStream<Output> {
  readonly endpointId: string;
  /** Where it is asked for. */
  readonly url: string;
  readonly options: StreamOptions<Input, StandardSchemaV1 | undefined>;
}

/**
 * Calls an endpoint that gives its result piece by piece, without the queue. It is tagged, noted and budgeted like `run`, and
 * is never sent a second time because it broke off. Within a run its last event is kept as the step's value.
 *
 * @example
 * const stream = await fal.stream("openrouter/router", { input: { prompt: "a haiku", model: "acme/small" } });
 * for await (const event of stream) console.log(event);
 * const result = await stream.done();
 * @throws {InvalidArgumentError} for what cannot be meant. All else is thrown by the loop, and by `done()`.
 */
export type OpenStream = <
  const T extends EndpointId | AnyEndpoint,
  S extends StandardSchemaV1 | undefined = undefined,
>(
  endpoint: T,
  options: StreamOptions<InputOf<T>, S>,
) => Promise<FalStream<InputOf<T>, OutputOf<T, S>>>;

/** As long as for the rest of any answer that is paid for: a model may think for a while, in milliseconds. */
const TIMEOUT_MS = 5 * 60_000;

export async function openStream<I, O>(
  services: Services,
  target: EndpointId | AnyEndpoint,
  options: StreamOptions<I, StandardSchemaV1 | undefined>,
): Promise<FalStream<I, O>> {
  checkStreamOptions(options);
  const endpoint = withoutStreamPath(idOf(target));
  const isInRun = currentRun() !== undefined;
  const { controller, unlink } = linkedController(options.signal);
  const { tags, headers, hint, startTimeout, storageSettings, input } = options;
  const { step, onChange, output, ambiguousSubmit, cancelOnAbort, reuse } = options;
  const asked = { step, onChange, output, ambiguousSubmit, cancelOnAbort, reuse };
  const settings = { ...given(asked), abortSignal: controller.signal };
  let wire: Wire | undefined;
  const streamed = streamedCall(services, endpoint, options, () => wire);
  const call = liveCall<O>(services, endpoint, settingsFor(target, settings), { stream: streamed });
  const opened = eventStream<O>({
    log: { keep: Number.POSITIVE_INFINITY, droppable: () => false, withDropped: (event) => event },
    controller,
    requestId: () => call.ticket?.requestId,
    report: (what, error) => services.report(what, error, { call: call.id, endpoint }),
    onHeard: () => {
      call.isHeard = true;
    },
    isReported: isInRun,
    // What a run keeps of it is its end.
    closesWhenLeft: !isInRun,
  });
  const url = services.direct.streamAddress(endpoint, streamed);
  wire = wireOf(services, call, opened, options.timeout);

  const named = typeof target === "object" ? { ...target, id: endpoint } : endpoint;
  const submit = { tags, headers, hint, startTimeout, storageSettings, step };
  const prepared = prepare(services, named, { input, ...given(submit) });
  const outcome = startCall(services, call, () => perform(services, call, prepared)).withResponse();
  call.isHeard = false;
  outcome.then(
    (done) => endWith(opened, done, wire, isInRun),
    (error: unknown) => {
      if (!isInRun && error instanceof CallAbortedError) opened.close();
      else opened.fail(error);
    },
  );
  outcome.then(unlink, unlink);
  const handle = Object.assign(opened.stream, { endpointId: endpoint, url, options });
  try {
    await prepared;
  } catch (error) {
    handle.done().catch(() => {});
    throw error;
  }
  return handle;
}

/** The options that were given. */
const given = <O extends object>(options: O): { [K in keyof O]: Exclude<O[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof O]: Exclude<O[K], undefined>;
  };

/** What comes over the wire, as far as it has come. */
interface Wire {
  /** Whether all of it has come, and was told. */
  isWhole: boolean;
  lastBytes: Uint8Array | undefined;
  onEvent(event: unknown): void;
  onBytes(): void;
}

function wireOf<O>(
  services: Services,
  call: LiveCall<O>,
  { push }: OpenEventStream<O>,
  timeout = TIMEOUT_MS,
): Wire {
  let silence: { reset(): void } | undefined;
  const tooLong = () =>
    giveUp(
      services,
      call,
      (facts) => new CallTimeoutError(call.endpoint, timeout, facts, "gave nothing for"),
    );
  call.announced.promise.then(
    () => {
      if (timeout === Number.POSITIVE_INFINITY) return;
      silence = watchdog(services.clock, timeout, call.over.signal, tooLong);
    },
    () => {},
  );
  return {
    isWhole: false,
    lastBytes: undefined,
    onEvent(event) {
      if (call.giveUp.signal.aborted) return;
      if (event instanceof Uint8Array) this.lastBytes = event;
      push(event as Awaited<O>, !(event instanceof Uint8Array));
    },
    onBytes: () => silence?.reset(),
  };
}

function streamedCall(
  services: Services,
  endpoint: string,
  options: StreamOptions<unknown, StandardSchemaV1 | undefined>,
  wire: () => Wire | undefined,
): StreamedCall {
  const { method = "post", queryParams = {}, url, accept = "text/event-stream" } = options;
  const { connectionMode, tokenProvider } = options;
  const ask = () =>
    tokenProvider
      ? tokenProvider(`${endpoint}/stream`)
      : services.issueToken(endpoint, { signal: options.signal });
  return {
    method: method.toUpperCase(),
    ...{ query: queryParams, url, accept },
    token: connectionMode === "client" ? ask : undefined,
    onEvent: (event) => wire()?.onEvent(event),
    onBytes: () => wire()?.onBytes(),
    onWhole: () => {
      const state = wire();
      if (state) state.isWhole = true;
    },
  };
}

/** What was not told while it came, as of a call that an earlier execution made, is told now. */
function endWith<O>(
  { push, end }: OpenEventStream<O>,
  { result: { data } }: Done<O>,
  { isWhole, lastBytes }: Pick<Wire, "isWhole" | "lastBytes"> = { isWhole: false, lastBytes: undefined },
  isInRun: boolean,
): void {
  const whole = data instanceof ArrayBuffer ? (new Uint8Array(data) as O) : data;
  if (!isWhole) push(whole as Awaited<O>, !(data instanceof ArrayBuffer));
  end(isWhole && lastBytes && !isInRun ? (lastBytes as O) : whole);
}
