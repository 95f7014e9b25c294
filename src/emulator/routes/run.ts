import { Hono } from "hono";
import { OVER, whenAborted } from "../../base/signal.ts";
import { appFor } from "../catalog.ts";
import { eventBody } from "../event-body.ts";
import type { Job } from "../job.ts";
import type { Platform, RouteEnv } from "../platform.ts";
import { concurrencyLimit, methodNotAllowed, plainError } from "../replies.ts";
import { orderFrom } from "./order.ts";
import { resultReply } from "./result.ts";

/** `fal.run`: a direct call. It answers with the result, and ends when the caller hangs up. */
export const runRoutes = (platform: Platform): Hono<RouteEnv> =>
  new Hono<RouteEnv>().all("/run/*", async (c) => {
    const { machine, concurrency, clock, closing } = platform;
    const request = c.req.raw;
    const endpoint = c.env.address.path.slice("/run/".length);
    if (appFor(endpoint, platform)) return callApp(request, c.env, endpoint, platform);
    const streaming = streamingEndpoint(endpoint, platform);
    if (streaming !== undefined) return streamModel(request, c.env, streaming, platform);
    if (request.method !== "POST") return methodNotAllowed("POST");
    const order = orderFrom(request, c.env, endpoint, platform);
    if (order instanceof Response) return order;
    if (machine.isFull(order.account)) return concurrencyLimit(concurrency);
    // Who waits for the answer gets no webhook.
    const { webhookUrl: _, ...direct } = order;
    const job = machine.submit(direct);
    const hangUp = () => void machine.cancel(job);
    request.signal.addEventListener("abort", hangUp, { once: true });
    await completed(job, closing);
    request.signal.removeEventListener("abort", hangUp);
    return job.state === "COMPLETED"
      ? resultReply(job, clock.now())
      : plainError(503, "The emulator has been closed");
  });

/** The model behind an address that streams. */
function streamingEndpoint(address: string, { models }: Platform): string | undefined {
  const endpoint = address.replace(/\/stream$/, "");
  return endpoint !== address && models.get(endpoint)?.stream ? endpoint : undefined;
}

/** Answers once the first event is there, or there will be none; ends when the caller hangs up. */
async function streamModel(
  request: Request,
  env: RouteEnv["Bindings"],
  endpoint: string,
  platform: Platform,
): Promise<Response> {
  const { machine, concurrency, clock, closing } = platform;
  if (request.method !== "POST") return methodNotAllowed("POST");
  const order = orderFrom(request, env, endpoint, platform, { isDirect: true });
  if (order instanceof Response) return order;
  if (machine.isFull(order.account)) return concurrencyLimit(concurrency);
  const { webhookUrl: _, ...direct } = order;
  const over = new AbortController();
  const events = eventBody(() => machine.cancel(job, "client_disconnected"));
  const { search } = env.address;
  const call = { method: request.method, search, body: env.body, over, respond() {}, onEvent: events.tell };
  const job = machine.submit(direct, call);
  whenAborted(request.signal, over.signal, () => machine.cancel(job, "client_disconnected"));
  const ended = completed(job, closing).then(() => {
    over.abort(OVER);
    events.end(job.state === "COMPLETED" && !job.outcome?.failure);
    return undefined;
  });
  const contentType = await Promise.race([events.began, ended]);
  if (contentType !== undefined) {
    const headers = { "content-type": contentType, "x-fal-request-id": job.requestId };
    return new Response(events.body, { headers: { ...headers, "cache-control": "no-store" } });
  }
  return job.state === "COMPLETED"
    ? resultReply(job, clock.now())
    : plainError(503, "The emulator has been closed");
}

/** Whatever the method, the body and the path: the app answers, and its answer is passed on as it comes. */
async function callApp(
  request: Request,
  env: RouteEnv["Bindings"],
  endpoint: string,
  platform: Platform,
): Promise<Response> {
  const { machine, clock, closing } = platform;
  const order = orderFrom(request, env, endpoint, platform, { isDirect: true });
  if (order instanceof Response) return order;
  const { webhookUrl: _, ...direct } = order;
  const answered = Promise.withResolvers<Response>();
  const { search } = env.address;
  const over = new AbortController();
  const call = { method: request.method, search, body: env.body, over, respond: answered.resolve };
  const job = machine.submit(direct, call);
  whenAborted(request.signal, over.signal, () => machine.cancel(job, "client_disconnected"));
  const ended = completed(job, closing).then(() => undefined);
  const answer = await Promise.race([answered.promise, ended]);
  if (request.signal.aborted) await answer?.body?.cancel();
  if (answer) return answer;
  over.abort(OVER);
  return job.state === "COMPLETED"
    ? resultReply(job, clock.now())
    : plainError(503, "The emulator has been closed");
}

/** Resolves when the job is completed, or when the emulator closes. */
const completed = (job: Job, closing: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const look = () => {
      if (job.state !== "COMPLETED" && !closing.aborted) return;
      job.watchers.delete(look);
      closing.removeEventListener("abort", look);
      resolve();
    };
    job.watchers.add(look);
    closing.addEventListener("abort", look);
    look();
  });
