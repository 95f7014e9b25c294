import { AmbiguousSubmitError } from "../errors/ambiguous-submit.ts";
import { ApiError } from "../errors/api.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { FalError } from "../errors/fal-error.ts";
import { BudgetExceededError, UnknownPriceError } from "../errors/money.ts";
import { FetchError, NetworkError } from "../errors/network.ts";
import { Refusal } from "./refusal.ts";
import type { ProxyTarget } from "./target.ts";

/** Of fal's headers, what clients read. Cookies, what is of the connection, and tokens stay here. */
const PASSED: ReadonlySet<string> = new Set(["content-type", "date", "retry-after", "retry-after-ms"]);
const KEPT: ReadonlySet<string> = new Set(["x-fal-cdn-token", "x-fal-stop-runner"]);

export function headersOf(from: Headers, hide: (value: string) => string = (value) => value): Headers {
  const passed = [...from].filter(
    ([name]) => PASSED.has(name) || (name.startsWith("x-fal-") && !KEPT.has(name)),
  );
  const headers = new Headers(passed.map(([name, value]): [string, string] => [name, hide(value)]));
  headers.set("cache-control", "no-store");
  return headers;
}

export const saying = (status: number, detail: string, more: Record<string, string> = {}): Response =>
  Response.json({ detail }, { status, headers: { "cache-control": "no-store", ...more } });

/** What a page may know of what went wrong; undefined where that is nobody's business but the server's. */
export function answerTo(error: unknown, target: ProxyTarget | undefined): Response | undefined {
  if (error instanceof Refusal) return saying(error.status, error.message);
  if (error instanceof ApiError) return isOfAccount(error) ? undefined : asAnswered(error);
  // Both clients take a 500 for what must not be repeated.
  if (error instanceof AmbiguousSubmitError) {
    return saying(500, `It is not known whether ${error.endpoint} was called, so it was not called again.`);
  }
  if (error instanceof BudgetExceededError || error instanceof UnknownPriceError) {
    return saying(402, "The budget that this is paid from has no room for it. Nothing was sent.");
  }
  if (error instanceof InvalidArgumentError) return saying(400, error.message);
  if (!(error instanceof FalError) || error.billed !== false) return undefined;
  return error instanceof NetworkError || error instanceof FetchError ? unreached(target) : undefined;
}

/** That fal refuses the server's key, or has locked its account, is no page's business. */
export const isOfAccount = ({ status, body }: Pick<ApiError, "status" | "body">): boolean =>
  status === 401 || (status === 403 && /locked|balance/i.test(JSON.stringify(body) ?? ""));

/** That nothing was sent, in the words of fal by which a client knows that it may ask again. */
export function unreached(target: ProxyTarget | undefined, why = "fal could not be reached."): Response {
  const detail = `${why} Nothing was sent.`;
  if (target?.operation === "run" || target?.operation === "stream")
    return saying(429, detail, { "retry-after": "5" });
  return saying(503, detail, { "x-fal-error-type": "runner_connection_error" });
}

function asAnswered({ status, body, headers: given }: ApiError): Response {
  const headers = headersOf(new Headers(given));
  if (typeof body === "string") return new Response(body, { status, headers });
  headers.set("content-type", "application/json");
  return new Response(JSON.stringify(body), { status, headers });
}
