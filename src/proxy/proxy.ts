import { checkUserTags } from "../attribution/tags.ts";
import { inTime, systemClock } from "../base/clock.ts";
import { OVER } from "../base/signal.ts";
import { warn } from "../base/warn.ts";
import { ambientEnv } from "../environment/environment.ts";
import { fal as ambientFal } from "../index.ts";
import { type Allowed, allowed } from "./allow.ts";
import { answerTo, saying, unreached } from "./answers.ts";
import { bodyOf } from "./body.ts";
import { checkProxyOptions, type Granted, type ProxyOptions } from "./options.ts";
import { pay } from "./paid.ts";
import { refusal } from "./refusal.ts";
import { type Aim, aimOf, PAID, type ProxyTarget } from "./target.ts";
import { passOn, type Upstream } from "./upstream.ts";

/** Answers what the pages of a site ask of fal. It belongs at one address, for GET, POST and PUT. */
export type FalProxy = (request: Request) => Promise<Response>;

/** How long a result waits to be noted here first, in milliseconds. */
const NOTING_MS = 10_000;
/** What announces a file is small. */
const MAX_ANNOUNCEMENT_BYTES = 64 * 2 ** 10;

type Site = Required<Omit<ProxyOptions, "authorize" | "allow">> & {
  readonly authorize: ProxyOptions["authorize"];
  readonly allowed: Allowed | undefined;
};

/**
 * A server's part in what its pages ask of fal: it has the key, says who may call what, and knows whom to bill. What is paid for is
 * noted, tagged and held to budgets as any other call of its client. Closed until `allow` and `authorize` open it.
 *
 * @example
 * ```ts
 * const proxy = createProxy({ allow: ["fal-ai/flux/*"], authorize: (request) => request.headers.has("cookie") });
 * export { proxy as GET, proxy as POST, proxy as PUT };
 * ```
 * @throws {InvalidArgumentError} for an option that cannot be meant.
 */
export function createProxy(options: ProxyOptions = {}): FalProxy {
  checkProxyOptions(options);
  const { allow = [], authorize } = options;
  const site: Site = {
    fal: ambientFal,
    uploads: false,
    pageTags: [],
    maxRequestBytes: 10 * 2 ** 20,
    maxReplyBytes: 64 * 2 ** 20,
    timeout: 60_000,
    streamTimeout: 10 * 60_000,
    fetch: (...args) => globalThis.fetch(...args),
    onError: (error) =>
      warn(`The proxy of fal could not answer: ${error instanceof Error ? error.message : error}`),
    clock: systemClock,
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
    authorize,
    allowed: allow.length > 0 ? allowed(allow) : undefined,
  };
  return async (request) => {
    let target: Aim | undefined;
    try {
      checkOpen(site);
      target = aimOf(request, () => site.fal.environment.origins);
      checkAllowed(site, target);
      const granted = await permission(site, request, target);
      return granted instanceof Response ? granted : await answer(site, request, target, granted);
    } catch (error) {
      if (request.signal.aborted) return saying(499, "The page has left.");
      return answerTo(error, target) ?? unsaid(site, error, target);
    }
  };
}

/** @throws {Refusal} where nobody has said who may call what. */
function checkOpen({ allowed, uploads, authorize }: Site): void {
  if (!allowed && !uploads) {
    throw refusal(
      403,
      'This proxy passes nothing on: say what it may, createProxy({ allow: ["fal-ai/flux/*"] }).',
    );
  }
  const { NODE_ENV: stage = "" } = ambientEnv();
  if (authorize || stage === "development" || stage === "test") return;
  throw refusal(
    403,
    "This proxy does not know who may use it: set createProxy({ authorize }), or NODE_ENV=development on your own machine.",
  );
}

/** @throws {Refusal} */
function checkAllowed({ allowed, uploads }: Site, { operation, endpoint = "" }: Aim): void {
  if (operation === "upload") {
    if (!uploads) throw refusal(403, "This proxy takes no uploads: createProxy({ uploads: true }).");
    return;
  }
  if (PAID.has(operation) ? allowed?.endpoint(endpoint) : allowed?.app(endpoint)) return;
  throw refusal(
    403,
    `This proxy does not pass on calls to ${endpoint}: it is not in createProxy({ allow }).`,
  );
}

/** What whoever asks may do, or the answer that it gets. */
async function permission(site: Site, request: Request, target: Aim): Promise<Granted | Response> {
  if (!site.authorize) return {};
  const { url, method, headers, signal } = request;
  const { operation, endpoint, requestId } = target;
  try {
    const asked = new Request(url, { method, headers, signal });
    const said = await site.authorize(asked, { operation, endpoint, requestId });
    if (said instanceof Response) return said;
    if (said === true) return {};
    if (!isGranted(said)) return saying(401, "Unauthorized");
    checkUserTags(said.tags ?? {});
    return said;
  } catch (error) {
    site.onError(error, target);
    return unreached(target, "The proxy could not find out who asks.");
  }
}

/** A plain object of what there is to grant: `{ ok: false }` is no yes, nor is a Response of another library. */
function isGranted(said: unknown): said is Granted {
  if (typeof said !== "object" || said === null) return false;
  const kind: unknown = Object.getPrototypeOf(said);
  return (kind === Object.prototype || kind === null) && Object.keys(said).every((key) => key === "tags");
}

async function answer(site: Site, request: Request, target: Aim, { tags }: Granted): Promise<Response> {
  const { fal, clock } = site;
  const { operation, endpoint = "", requestId = "" } = target;
  if (PAID.has(operation)) return pay(request, target, { ...site, tags });
  if (operation === "cancel") return cancelled(await fal.queue.cancel(endpoint, { requestId }));
  if (operation === "result") await note(site, requestId);
  const { origins, key } = fal.environment;
  const url = `${operation === "upload" ? origins.rest : origins.queue}${target.path}`;
  const { fetch, timeout, streamTimeout, maxReplyBytes } = site;
  const sent = operation === "upload" ? await announcement(request, site) : { headers: {} };
  return passOn(request, { url, key, fetch, ...sent }, { clock, timeout, streamTimeout, maxReplyBytes });
}

/** In fal's words. */
const cancelled = (outcome: "in-time" | "requested"): Response =>
  outcome === "in-time"
    ? Response.json({ status: "OK" })
    : Response.json({ status: "CANCELLATION_REQUESTED" }, { status: 202 });

/** A result is in the ledger, with what it cost, before the page has it; once for each request. */
async function note({ fal, clock }: Site, requestId: string): Promise<void> {
  try {
    const [record] = await fal.calls.list({ requestId, limit: 1 });
    if (!record || record.state === "completed" || record.state === "failed") return;
    const { endpoint } = record;
    await inTime(clock, NOTING_MS, OVER, (abortSignal) =>
      fal.queue.result(endpoint, { requestId, abortSignal }),
    );
  } catch {
    // The page gets fal's own answer all the same, and a failure is noted by whoever asked for it.
  }
}

async function announcement(
  request: Request,
  { clock, timeout }: Site,
): Promise<Pick<Upstream, "body" | "headers">> {
  const body = await bodyOf(request, { mostBytes: MAX_ANNOUNCEMENT_BYTES, timeout, clock });
  const lifecycle = request.headers.get("x-fal-object-lifecycle");
  return { body, headers: lifecycle === null ? {} : { "x-fal-object-lifecycle": lifecycle } };
}

function unsaid(site: Site, error: unknown, target: ProxyTarget | undefined): Response {
  site.onError(error, target);
  return saying(502, "The proxy could not ask fal; its server knows why.");
}
