import { parseTagsHeader, type UserTags } from "../attribution/tags.ts";
import type { Clock } from "../base/clock.ts";
import type { Fal } from "../index.ts";
import { bodyOf } from "./body.ts";
import { refusal } from "./refusal.ts";
import { streamed } from "./streamed.ts";
import type { ProxyTarget } from "./target.ts";

/** What a page may say of how its call is made: https://fal.ai/docs/documentation/model-apis/common-parameters */
const SETTINGS: readonly string[] = [
  "x-fal-request-start-timeout",
  "x-fal-request-timeout",
  "x-fal-queue-priority",
  "x-fal-runner-hint",
  "x-fal-no-retry",
  "x-fal-store-io",
  "x-fal-object-lifecycle-preference",
  "x-app-fal-disable-fallback",
];

export interface PaidOptions {
  readonly fal: Pick<Fal, "queue" | "run" | "stream">;
  readonly tags: UserTags | undefined;
  readonly pageTags: readonly string[];
  readonly maxRequestBytes: number;
  readonly timeout: number;
  readonly clock: Clock;
}

/**
 * What costs money goes through the client: it is noted before it is sent, tagged, held to budgets, never sent twice, and looked up
 * where its answer is lost.
 */
export async function pay(
  request: Request,
  { operation, endpoint = "" }: ProxyTarget,
  { fal, tags, pageTags, maxRequestBytes, timeout, clock }: PaidOptions,
): Promise<Response> {
  const call = {
    input: inputOf(await bodyOf(request, { mostBytes: maxRequestBytes, timeout, clock })),
    tags: { ...tagsOfPage(request.headers, pageTags), ...tags },
    headers: settingsOf(request.headers),
  };
  // A request in the queue outlives whoever submitted it; a direct call ends with its caller.
  if (operation === "submit") return asJson(await fal.queue.submit(endpoint, call));
  if (operation === "stream") return streamed(request, fal, endpoint, call);
  const { data, requestId, billing } = await fal.run(endpoint, { ...call, abortSignal: request.signal });
  const { units } = billing;
  return asResult(data, {
    "x-fal-request-id": requestId,
    ...(units !== undefined && { "x-fal-billable-units": String(units) }),
  });
}

/** @throws {Refusal} */
function inputOf(body: string): object {
  try {
    const input: unknown = body === "" ? {} : JSON.parse(body);
    if (typeof input === "object" && input !== null && !Array.isArray(input)) return input;
  } catch {
    // Said below: what cannot be parsed is quoted by the error, and may be a prompt.
  }
  throw refusal(400, "The input is no JSON object.");
}

const settingsOf = (headers: Headers): Record<string, string> =>
  Object.fromEntries(
    SETTINGS.flatMap((name) => (headers.has(name) ? [[name, headers.get(name) ?? ""]] : [])),
  );

function tagsOfPage(headers: Headers, names: readonly string[]): UserTags {
  const given = parseTagsHeader(headers.get("x-fal-tags") ?? "");
  return Object.fromEntries(Object.entries(given).filter(([name]) => names.includes(name)));
}

const asJson = (body: unknown): Response => Response.json(body, { headers: { "cache-control": "no-store" } });

function asResult(data: unknown, named: Record<string, string>): Response {
  const headers = { "cache-control": "no-store", ...named };
  if (data instanceof ArrayBuffer) {
    return new Response(data, { headers: { ...headers, "content-type": "application/octet-stream" } });
  }
  return Response.json(data, { headers });
}
