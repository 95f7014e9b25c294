import { randomFrom } from "../../model/random.ts";
import { appFor, modelFor, namesOf } from "../catalog.ts";
import { callerFor } from "../credentials.ts";
import { appOf } from "../endpoint.ts";
import { exactJson } from "../exact-json.ts";
import type { JobOrder } from "../job.ts";
import type { Platform, RouteEnv } from "../platform.ts";
import { plainError, requestError } from "../replies.ts";
import { parseTags } from "../tags.ts";
import { uuidAt } from "../uuid.ts";

/** Turns a request for `endpoint` into an order, or into the answer that refuses it. */
export function orderFrom(
  request: Request,
  { address, body, fate }: RouteEnv["Bindings"],
  endpoint: string,
  platform: Platform,
  { isDirect = false }: { readonly isDirect?: boolean } = {},
): JobOrder | Response {
  const { headers } = request;
  const caller = callerFor(endpoint, headers, address, platform);
  if (!caller.known) return plainError(401, caller.why);
  const app = appFor(endpoint, platform);
  if (!app && !modelFor(endpoint, platform)) {
    const served = namesOf(platform).join(", ");
    return plainError(404, `Application "${endpoint}" not found. This emulator serves ${served}.`);
  }
  const text = new TextDecoder().decode(body);
  let input: unknown;
  try {
    input = exactJson(text);
  } catch {
    // What an app is sent without the queue is between it and its caller.
    if (!(app && isDirect))
      return plainError(400, text === "" ? "A JSON body is required" : "The body is not valid JSON");
  }

  // The newer name of the deadline wins over the older one.
  const deadline = headers.get("x-fal-request-start-timeout") ?? headers.get("x-fal-request-timeout");
  if (deadline !== null && !(Number(deadline) > 0.1)) {
    return requestError(400, "bad_request", "The start timeout must be a number of seconds above 0.1");
  }

  const rawTags = headers.get("x-fal-tags");
  const webhookUrl = new URLSearchParams(address.search).get("fal_webhook");
  return {
    ...identity(platform),
    endpoint,
    app: appOf(endpoint),
    account: caller.account,
    input,
    inputBytes: body.byteLength,
    ...(app && !isDirect && { text }),
    ...(isDirect && { isDirect }),
    headers: Object.fromEntries(headers),
    tags: parseTags(rawTags),
    ...(rawTags !== null && { rawTags }),
    ...(webhookUrl !== null && { webhookUrl }),
    priority: headers.get("x-fal-queue-priority") === "low" ? "low" : "normal",
    ...(deadline !== null && { startWithinMs: Number(deadline) * 1000 }),
    filesBase: address.filesBase,
    ...(fate && { fate }),
  };
}

/** A request id that this emulator has not given yet, and the chance that belongs to it. */
function identity({ machine, seed, clock }: Platform): Pick<JobOrder, "requestId" | "random"> {
  const random = randomFrom(seed, "request", machine.nextNumber());
  return { requestId: uuidAt(clock.now(), random), random };
}
