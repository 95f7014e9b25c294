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
  isNode(env) ? new NodeSource(request, env) : new FetchSource(request);

const isNode = (env: unknown): env is NodeBindings =>
  typeof env === "object" && env !== null && "incoming" in env && "outgoing" in env;

/** Made for each request, and so with methods that all of them share. */
class NodeSource implements Source {
  readonly request: Request;
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;

  constructor(request: Request, { incoming, outgoing }: NodeBindings) {
    this.request = request;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }
  get headers(): Source["headers"] {
    return this.#incoming.headers;
  }
  header(name: string): string | undefined {
    return textOf(this.#incoming.headers[name]);
  }
  get bodyBytes(): number | undefined {
    const said = this.header("content-length");
    return said === undefined ? undefined : Number(said);
  }
  onLeft(listener: () => void): () => void {
    const outgoing = this.#outgoing;
    const onClose = () => {
      if (!outgoing.writableFinished) listener();
    };
    outgoing.once("close", onClose);
    return () => void outgoing.off("close", onClose);
  }
  cut(): void {
    this.#outgoing.destroy();
  }
}

class FetchSource implements Source {
  readonly request: Request;
  readonly bodyBytes = undefined;
  readonly cut = undefined;

  constructor(request: Request) {
    this.request = request;
  }
  get headers(): Source["headers"] {
    return this.request.headers;
  }
  header(name: string): string | undefined {
    return textOf(this.request.headers.get(name) ?? undefined);
  }
  onLeft(listener: () => void): () => void {
    const { signal } = this.request;
    signal.addEventListener("abort", listener, { once: true });
    return () => signal.removeEventListener("abort", listener);
  }
}

const textOf = (value: string | readonly string[] | undefined): string | undefined =>
  (typeof value === "string" && value.trim()) || undefined;
