import type { IncomingRequest } from "../attribution/incoming.ts";
import type { Source } from "./source.ts";

/**
 * The request as the client is to take it. fal's own guide for tracing has apps pass the trace in the body, as
 * `trace_context`; a header wins. Source: https://fal.ai/docs/documentation/serverless/observability/opentelemetry-cross-service
 *
 * @param requestId What takes the place of an id that there is not, or that is none.
 */
export function withTrace(source: Source, requestId: string, body: unknown): IncomingRequest {
  const carrier = carrierOf(body);
  const { headers } = source;
  const isAsGiven = source.header("x-fal-request-id") === requestId;
  if (!carrier && isAsGiven) return { headers };
  const given = headers instanceof Headers ? Object.fromEntries(headers) : headers;
  return { headers: { ...carrier, ...given, "x-fal-request-id": requestId } };
}

/** What of a body's `trace_context` is a header of a trace. */
function carrierOf(body: unknown): Record<string, string> | undefined {
  const said = (body as { readonly trace_context?: unknown } | null | undefined)?.trace_context;
  if (typeof said !== "object" || said === null) return undefined;
  const { traceparent, baggage } = said as { readonly traceparent?: unknown; readonly baggage?: unknown };
  return {
    ...(typeof traceparent === "string" && { traceparent }),
    ...(typeof baggage === "string" && { baggage }),
  };
}
