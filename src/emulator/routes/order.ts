import type { Address } from "../address.ts";
import { callerOf } from "../credentials.ts";
import { appOf } from "../endpoint.ts";
import type { JobOrder } from "../job.ts";
import type { Platform } from "../platform.ts";
import { randomFrom, uuidAt } from "../random.ts";
import { plainError, requestError } from "../replies.ts";
import { parseTags } from "../tags.ts";

/** Turns a request for `endpoint` into an order, or into the answer that refuses it. */
export async function orderFrom(
  request: Request,
  address: Address,
  endpoint: string,
  platform: Platform,
): Promise<JobOrder | Response> {
  const { headers } = request;
  const caller = callerOf(headers, address.via);
  if (!caller.known) return plainError(401, caller.why);
  if (!platform.models.has(endpoint)) {
    const served = [...platform.models.keys()].join(", ");
    return plainError(404, `Application "${endpoint}" not found. This emulator serves ${served}.`);
  }
  const text = await request.text();
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch {
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
    headers: Object.fromEntries(headers),
    tags: parseTags(rawTags),
    ...(rawTags !== null && { rawTags }),
    ...(webhookUrl !== null && { webhookUrl }),
    priority: headers.get("x-fal-queue-priority") === "low" ? "low" : "normal",
    ...(deadline !== null && { startWithinMs: Number(deadline) * 1000 }),
    filesBase: address.filesBase,
  };
}

/** How many requests each emulator has been asked for: submits that arrive together must not share an id. */
const asked = new WeakMap<Platform["machine"], number>();

/** A request id that this emulator has not given yet, and the chance that belongs to it. */
function identity({ machine, seed, clock }: Platform): Pick<JobOrder, "requestId" | "random"> {
  const nth = asked.get(machine) ?? 0;
  asked.set(machine, nth + 1);
  const random = randomFrom(seed, "request", nth);
  return { requestId: uuidAt(clock.now(), random), random };
}
