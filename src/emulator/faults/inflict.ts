import type { Clock } from "../../base/clock.ts";
import { errorPage } from "../../model/model.ts";
import { brokenConnection } from "../connection.ts";
import type { Outcome } from "../job.ts";
import { failureOutcome } from "../outcomes.ts";
import { concurrencyLimit, requestError } from "../replies.ts";
import { expired, tooEarly } from "../routes/result.ts";
import { breakingAfter, cutShort, inPieces, stalling } from "./bodies.ts";
import type { Fault } from "./fault.ts";
import { olderStatus, repeatingTheFirst, withForeignLinks, withForeignLinksInEvents } from "./statuses.ts";

/** One exchange that is to go wrong. */
export interface Exchange {
  readonly operation: string;
  readonly requestId: string | undefined;
  readonly clock: Clock;
  readonly concurrency: number;
  /** Fires when the caller hangs up or the emulator closes. */
  readonly over: AbortSignal;
  /** Lets the emulator act on the request. */
  act(fate?: Outcome): Promise<Response>;
  /** Resolves once the webhook of a request has been tried, or will not be. */
  hookTried(requestId: string): Promise<void>;
}

/**
 * Has a fault happen to an exchange: gives the answer that the client sees, or throws the broken connection that it
 * sees instead. Whether the emulator acts on the request is part of the fault.
 */
export async function inflict(fault: Fault, exchange: Exchange): Promise<Response> {
  const { act, clock, over, operation } = exchange;
  switch (fault.name) {
    case "lost-response":
      await discard(await act());
      throw brokenConnection(codeOf(fault));
    case "reset-before":
      throw brokenConnection(codeOf(fault));
    case "refused":
      throw brokenConnection("ECONNREFUSED");
    case "429":
      return headed(concurrencyLimit(exchange.concurrency), comeAgain(fault, clock.now()));
    case "503":
      return headed(unavailable(fault), { ...(await nameOf(fault, act)), ...comeAgain(fault, clock.now()) });
    case "502":
      return headed(proxyPage(502, "Bad Gateway"), await nameOf(fault, act));
    case "504":
      return headed(proxyPage(504, "Gateway Time-out"), await nameOf(fault, act));
    case "slow-headers": {
      const answer = await act();
      await clock.sleep(fault.ms ?? 30_000, over);
      return answer;
    }
    case "slow-body": {
      const { ms = 1_000, bytes = 64 } = fault;
      return withBody(await act(), (body) => inPieces(body, bytes, () => clock.sleep(ms, over)));
    }
    case "truncated":
      return truncated(await act(), fault.bytes);
    case "not-json":
      await discard(await act());
      return page(200, "Welcome", "Please accept our terms of use to go on.");
    case "empty":
      await discard(await act());
      return new Response("", { status: 200, headers: { "content-type": "application/json" } });
    case "stream-cut":
      return withBody(await act(), (body) => breakingAfter(body, fault, fault.how ?? "breaks"));
    case "stream-stall":
      return withBody(await act(), (body) => stalling(body, fault, over));
    case "stream-split":
      return withBody(await act(), (body) =>
        // Without a pause a socket sends two pieces as one.
        inPieces(body, fault.bytes ?? 1, () => clock.sleep(1, over)),
      );
    case "wrong-order":
      return operation === "stream" ? withBody(await act(), repeatingTheFirst) : olderStatus(await act());
    case "completed-with-error":
      return act(fateOf(fault));
    case "result-expired":
      return expired(exchange.requestId ?? "");
    case "400-early-result":
      return tooEarly();
    case "foreign-links": {
      const { origin = "https://queue.fal.example" } = fault;
      return operation === "stream"
        ? withBody(await act(), (body) => withForeignLinksInEvents(body, origin))
        : withForeignLinks(await act(), origin);
    }
    case "redirect": {
      const { status = 307, to = "https://elsewhere.example/" } = fault;
      return new Response(null, { status, headers: { location: to } });
    }
    case "hook-first":
      return afterItsHook(await act(), exchange);
    case "hook-late":
    case "hook-twice":
    case "hook-never":
    case "hook-forged":
    case "hook-unreadable":
      return act(); // these happen to webhooks, which the emulator sends by itself
  }
}

type Named<N extends Fault["name"]> = Extract<Fault, { readonly name: N }>;

const codeOf = ({ how = "reset" }: Named<"lost-response" | "reset-before">) =>
  how === "reset" ? "ECONNRESET" : "UND_ERR_SOCKET";

/** Acts on the request if the fault says so; the headers that give the accepted request away, if any do. */
async function nameOf(
  { accepted = false, named = false }: Named<"502" | "503" | "504">,
  act: Exchange["act"],
): Promise<Record<string, string>> {
  if (!accepted) return {};
  const answer = await act();
  await discard(answer);
  const requestId = answer.headers.get("x-fal-request-id");
  return named && requestId ? { "x-fal-request-id": requestId } : {};
}

function unavailable({ page, errorType = "runner_scheduling_failure" }: Named<"503">): Response {
  return page
    ? proxyPage(503, "Service Temporarily Unavailable")
    : requestError(503, errorType, `The runner could not be reached (${errorType})`);
}

/** It says that it has all of its bytes, and has these. */
async function truncated(answer: Response, bytes: number | undefined): Promise<Response> {
  const whole = new Uint8Array(await answer.arrayBuffer());
  const part = whole.subarray(0, bytes ?? Math.floor(whole.length / 2));
  const headers = new Headers(answer.headers);
  headers.set("content-length", String(whole.length));
  return new Response(cutShort(part), { status: answer.status, headers });
}

async function afterItsHook(answer: Response, { hookTried }: Exchange): Promise<Response> {
  const requestId = answer.headers.get("x-fal-request-id");
  if (requestId) await hookTried(requestId);
  return answer;
}

const discard = async ({ body }: Response): Promise<void> => body?.cancel();

function comeAgain(fault: Named<"429" | "503">, now: number): Record<string, string> {
  const { retryAfterMs: ms, retryAfterAs: as = "seconds" } = fault;
  if (ms === undefined) return {};
  switch (as) {
    case "seconds":
      return { "retry-after": String(Math.ceil(ms / 1000)) };
    case "date":
      return { "retry-after": new Date(Math.ceil((now + ms) / 1000) * 1000).toUTCString() };
    case "ms":
      return { "retry-after-ms": String(ms) };
  }
}

function fateOf(fault: Named<"completed-with-error">): Outcome {
  const { status = 500, error = "The runner failed.", errorType = "runner_server_error" } = fault;
  const outcome = failureOutcome(status, errorType, error);
  // A 422 is the model's own, in the form of model errors.
  const detail = [{ loc: ["body"], msg: error, type: errorType, url: errorPage(errorType) }];
  return {
    ...outcome,
    ...(status === 422 && { body: JSON.stringify({ detail }), headers: {} }),
    billableUnits: fault.billableUnits ?? 0,
  };
}

function headed(answer: Response, headers: Record<string, string>): Response {
  for (const [name, value] of Object.entries(headers)) answer.headers.set(name, value);
  return answer;
}

function withBody(
  answer: Response,
  change: (body: ReadableStream<Uint8Array>) => ReadableStream<Uint8Array>,
): Response {
  return answer.body ? new Response(change(answer.body), answer) : answer;
}

/** What a proxy answers by itself: none of fal's headers. */
const proxyPage = (status: number, text: string): Response =>
  page(status, `${status} ${text}`, `<center><h1>${status} ${text}</h1></center><hr><center>nginx</center>`);

const page = (status: number, title: string, body: string): Response =>
  new Response(
    `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n${body}\r\n</body>\r\n</html>\r\n`,
    {
      status,
      headers: { "content-type": "text/html" },
    },
  );
