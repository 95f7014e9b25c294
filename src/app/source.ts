import type { IncomingMessage, ServerResponse } from "node:http";
import type { IncomingRequest } from "../attribution/incoming.ts";

/** A request, as whichever server has taken it. */
export interface Source {
  readonly request: Request;
  /** Its headers, as the client takes them. */
  readonly headers: Exclude<IncomingRequest, Headers>["headers"];
  /** @param name In lower case. */
  header(name: string): string | undefined;
  /** How long its body is, in bytes, where the server has seen to that: what a header says may be wrong. */
  readonly bodyBytes: number | undefined;
  /** Calls this once when the caller leaves before its answer is whole. @returns what takes that back */
  onLeft(listener: () => void): () => void;
  /** Breaks the connection in the middle of an answer; undefined where there is none. */
  readonly cut: (() => void) | undefined;
}

interface NodeBindings {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/** @param env What the server says of it besides: Node's has its own request and response, which cost less to ask. */
export const sourceOf = (request: Request, env: unknown): Source =>
  isNode(env) ? ofNode(request, env) : ofFetch(request);

const isNode = (env: unknown): env is NodeBindings =>
  typeof env === "object" && env !== null && "incoming" in env && "outgoing" in env;

const ofNode = (request: Request, { incoming, outgoing }: NodeBindings): Source => ({
  request,
  headers: incoming.headers,
  header: (name) => textOf(incoming.headers[name]),
  get bodyBytes() {
    const said = textOf(incoming.headers["content-length"]);
    return said === undefined ? undefined : Number(said);
  },
  onLeft(listener) {
    const onClose = () => {
      if (!outgoing.writableFinished) listener();
    };
    outgoing.once("close", onClose);
    return () => void outgoing.off("close", onClose);
  },
  cut: () => void outgoing.destroy(),
});

const ofFetch = (request: Request): Source => ({
  request,
  headers: request.headers,
  header: (name) => textOf(request.headers.get(name) ?? undefined),
  bodyBytes: undefined,
  onLeft(listener) {
    request.signal.addEventListener("abort", listener, { once: true });
    return () => request.signal.removeEventListener("abort", listener);
  },
  cut: undefined,
});

const textOf = (value: string | readonly string[] | undefined): string | undefined =>
  (typeof value === "string" && value.trim()) || undefined;
