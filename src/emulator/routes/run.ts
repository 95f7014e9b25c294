import { Hono } from "hono";
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
    if (request.method !== "POST") return methodNotAllowed("POST");
    const order = orderFrom(request, c.env, c.env.address.path.slice("/run/".length), platform);
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
