import { Hono } from "hono";
import type { Address } from "../address.ts";
import { callerFor } from "../credentials.ts";
import { parseQueuePath, type RequestAction } from "../endpoint.ts";
import type { Job } from "../job.ts";
import type { Platform, RouteEnv } from "../platform.ts";
import { json, methodNotAllowed, plainError } from "../replies.ts";
import { linksOf, statusBody } from "../status.ts";
import { statusStream } from "../status-stream.ts";
import { orderFrom } from "./order.ts";
import { resultReply } from "./result.ts";

const METHOD_OF: Readonly<Record<RequestAction, string>> = {
  status: "GET",
  stream: "GET",
  result: "GET",
  cancel: "PUT",
};

/** `queue.fal.run`: submit, status, status stream, result and cancel. */
export const queueRoutes = (platform: Platform): Hono<RouteEnv> =>
  new Hono<RouteEnv>().all("/queue/*", async (c) => {
    const { address } = c.env;
    const request = c.req.raw;
    const aim = parseQueuePath(address.path.slice("/queue".length));
    if (!aim) return plainError(404, `Path ${address.path} not found`);
    if (aim.kind === "endpoint") {
      return request.method === "POST"
        ? submit(request, c.env, aim.endpoint, platform)
        : methodNotAllowed("POST");
    }
    const caller = callerFor(aim.app, request.headers, address, platform);
    if (!caller.known) return plainError(401, caller.why);
    const allowed = METHOD_OF[aim.action];
    if (request.method !== allowed) return methodNotAllowed(allowed);
    const job = platform.machine.jobs.get(aim.requestId);
    // An id is only known under its own app.
    if (job?.app !== aim.app) return json({ status: "NOT_FOUND" }, 404);
    const reply = answer(job, aim.action, address, platform);
    reply.headers.set("x-fal-request-id", job.requestId);
    return reply;
  });

function submit(request: Request, env: RouteEnv["Bindings"], endpoint: string, platform: Platform): Response {
  const { machine } = platform;
  const { address } = env;
  const order = orderFrom(request, env, endpoint, platform);
  if (order instanceof Response) return order;
  const most = new URLSearchParams(address.search).get("fal_max_queue_length");
  if (most !== null) {
    const waiting = machine.waitingFor(endpoint);
    // The body of this refusal is not established.
    if (waiting > Number(most)) {
      return plainError(429, `The queue of ${endpoint} holds ${waiting} requests, more than ${most}`);
    }
  }
  const job = machine.submit(order);
  return json(
    {
      status: "IN_QUEUE",
      request_id: job.requestId,
      ...linksOf(job, address.queueBase),
      queue_position: machine.queuePosition(job),
    },
    200,
    { "x-fal-request-id": job.requestId },
  );
}

function answer(job: Job, action: RequestAction, address: Address, platform: Platform): Response {
  const { machine, clock, closing } = platform;
  const { queueBase } = address;
  // Official clients send 1|0 or true|false.
  const logs = ["1", "true"].includes(new URLSearchParams(address.search).get("logs") ?? "");
  switch (action) {
    case "status":
      return json(
        statusBody(job, machine, queueBase, logs ? 0 : undefined),
        job.state === "COMPLETED" ? 200 : 202,
      );
    case "stream":
      return new Response(statusStream(job, { machine, clock, queueBase, logs, closing }), {
        headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
      });
    case "result":
      return resultReply(job, clock.now());
    case "cancel":
      return machine.cancel(job)
        ? json({ status: "CANCELLATION_REQUESTED" }, 202)
        : json({ status: "ALREADY_COMPLETED" }, 400);
  }
}
