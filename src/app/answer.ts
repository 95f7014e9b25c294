import type { Fal, RunScope } from "../index.ts";
import { answered, completed, failureAnswer, handedOn, jsonAnswer } from "./answers.ts";
import { checkedInput, checkedOutput, jsonOf, textOf } from "./body.ts";
import type { Context, Log } from "./context.ts";
import { costOf } from "./cost.ts";
import type { AnyEndpoint } from "./endpoint.ts";
import { eventStream } from "./event-stream.ts";
import { CANCELLED, type Failure, failureOf, LET_GO } from "./failure.ts";
import { Reply } from "./reply.ts";
import type { Requests, UnderWay } from "./requests.ts";
import type { Source } from "./source.ts";
import { withTrace } from "./trace.ts";

/** What answers requests: an app that is set up. */
export interface Site<S> {
  readonly fal: Fal;
  readonly log: Log;
  readonly requests: Requests;
  /** The longest body that is read. */
  readonly maxBodyBytes: number;
  /** What `setup` has given. */
  readonly state: () => S;
  /** Whether fal's gateway stands before this process, so that only fal says who is calling. */
  readonly isBehindGateway: () => boolean;
}

/** A request on its way through its endpoint. */
interface Exchange<S> {
  readonly site: Site<S>;
  readonly endpoint: AnyEndpoint<S>;
  readonly source: Source;
  readonly underWay: UnderWay;
  readonly reply: Reply;
  log: Log | undefined;
}

/** Answers a request of one of the app's endpoints, whatever happens. */
export async function answer<S>(
  site: Site<S>,
  path: string,
  endpoint: AnyEndpoint<S>,
  source: Source,
): Promise<Response> {
  const underWay = site.requests.begin(path, idOf(source));
  const exchange: Exchange<S> = { site, endpoint, source, underWay, reply: new Reply(), log: undefined };
  const stays = source.onLeft(() => underWay.cancel(LEFT));
  const end = () => {
    stays();
    site.requests.end(underWay);
  };
  try {
    const given = await handled(exchange);
    if (isGenerator(given)) return await streamed(exchange, given, end);
    const response =
      given instanceof Response
        ? completed(given, exchange.reply, dropped(exchange))
        : jsonAnswer(await checkedOutput(endpoint.output, given), exchange.reply, dropped(exchange));
    end();
    return response;
  } catch (error) {
    end();
    return failureAnswer(failed(exchange, error), exchange.reply.billableUnits);
  }
}

const LEFT = "The caller has left.";

/** More than any id of fal's has. It is shown and sent on, so that it is of visible characters. */
const ID = /^[\x21-\x7e]{1,200}$/;

function idOf(source: Source): string {
  const id = source.header("x-fal-request-id");
  return id && ID.test(id) ? id : crypto.randomUUID();
}

/** What the handler gives, once its input is checked: as a run, with what the request is a part of. */
async function handled<S>(exchange: Exchange<S>): Promise<unknown> {
  const { site, endpoint, source, underWay } = exchange;
  const { fal } = site;
  const body = jsonOf(await textOf(source, site.maxBodyBytes));
  const input = await checkedInput(endpoint.input, body);
  const from = withTrace(source, underWay.requestId, body);
  if (underWay.isCancelled) underWay.cancelled.throwIfAborted();
  const handle = (run?: RunScope) => endpoint.handler(input as never, new RequestContext(exchange, run));
  if (endpoint.run === false) return handedOn(await fal.withRequest(from, () => handle()));
  let acting: Promise<unknown> | undefined;
  const act = (run: RunScope): Promise<unknown> => {
    acting = (async () => handedOn(await handle(run)))();
    return acting;
  };
  try {
    return await fal.handle(from, act, { abortSignal: underWay.cancelled, mayForget: true });
  } catch (error) {
    // The place of a request that is cancelled is free once its handler is done.
    if (underWay.isCancelled) await acting?.catch(() => {});
    throw error;
  }
}

/** What is asked for by few handlers is made when it is asked for. */
class RequestContext<S> implements Context<S> {
  readonly run: RunScope | undefined;
  readonly #of: Exchange<S>;

  constructor(exchange: Exchange<S>, run: RunScope | undefined) {
    this.#of = exchange;
    this.run = run;
  }
  get state(): S {
    return this.#of.site.state();
  }
  get fal(): Fal {
    return this.#of.site.fal;
  }
  get requestId(): string {
    return this.#of.underWay.requestId;
  }
  get caller(): string | undefined {
    const { site, source } = this.#of;
    return site.isBehindGateway() ? source.header("x-fal-caller-user-id") : undefined;
  }
  get endpoint(): string | undefined {
    return this.#of.source.header("x-fal-endpoint");
  }
  get signal(): AbortSignal {
    return this.#of.underWay.over;
  }
  get log(): Log {
    return logOf(this.#of);
  }
  get reply(): Reply {
    return this.#of.reply;
  }
  get request(): Request {
    return this.#of.source.request;
  }
  get cost(): Context<S>["cost"] {
    return () => costOf(this.fal, this.run, this.requestId);
  }
}

function logOf<S>(exchange: Exchange<S>): Log {
  const { site, underWay } = exchange;
  exchange.log ??= site.log.child({ request: underWay.requestId, path: underWay.path });
  return exchange.log;
}

/** Answers with a stream once its first event is there: what fails before that has a status of its own. */
async function streamed<S>(
  exchange: Exchange<S>,
  generator: AsyncGenerator,
  end: () => void,
): Promise<Response> {
  const { endpoint, source, underWay, reply } = exchange;
  const first = await generator.next();
  const body = eventStream(first, generator, {
    shape(value) {
      // A generator that heeds no signal would go on until its runner is killed.
      if (underWay.isCancelled || underWay.isLetGo) throw underWay.over.reason;
      return checkedOutput(endpoint.output, value);
    },
    failed: (error) => failed(exchange, error),
    left: () => underWay.cancel(LEFT),
    cut: source.cut && (() => source.cut?.()),
    ended: end,
  });
  reply.headers.set("cache-control", "no-cache");
  const response = answered(body, "text/event-stream", reply, dropped(exchange));
  if (!response.body) await body.cancel();
  return response;
}

/** What the caller is told of it; the log has the rest. */
function failed<S>(exchange: Exchange<S>, error: unknown): Failure {
  const { underWay, endpoint } = exchange;
  if (underWay.isCancelled) return CANCELLED;
  if (underWay.isLetGo) return LET_GO;
  const failure = failureOf(error, endpoint);
  if (failure.status >= 500)
    logOf(exchange).error({ err: error, status: failure.status }, "Request has failed");
  else if (failure.status !== 422) {
    logOf(exchange).info({ err: error, status: failure.status }, "Request is refused");
  }
  return failure;
}

const dropped =
  <S>(exchange: Exchange<S>) =>
  (names: readonly string[]): void =>
    logOf(exchange).error(
      { headers: names },
      "The answer's headers are longer than fal takes: these were left out",
    );

const isGenerator = (value: unknown): value is AsyncGenerator =>
  typeof value === "object" && value !== null && Symbol.asyncIterator in value && "return" in value;
