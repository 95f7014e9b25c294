import type { Transport, WireRequest } from "../base/transport.ts";
import { ApiError } from "../errors/api.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";
import { OtherDeploymentError } from "../errors/calls.ts";
import { MalformedReplyError } from "../errors/network.ts";
import { REQUEST_ID, type Ticket } from "../journal/call.ts";
import { type Answer, answerOf } from "./answer.ts";
import { type EndpointAddress, parseEndpointId } from "./endpoint.ts";
import { withToken } from "./tokens.ts";
import { readCancelled, readStatus, readSubmitted, type Submitted, type WireStatus } from "./wire.ts";

/** A submit, complete: everything that can be wrong with it has been checked. */
export interface Submission {
  readonly endpoint: EndpointAddress;
  /** The exact JSON that is sent. */
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly webhookUrl?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Cuts a direct call, which ends it. */
  readonly cut?: AbortSignal | undefined;
  /** Milliseconds since the epoch: where a refused submit is no longer repeated. */
  readonly deadline?: number | undefined;
  /** Asked right before each POST: when it throws, nothing is sent. */
  readonly permit?: (() => Promise<void>) | undefined;
  /** Told of each refusal after which it is sent again, before the pause. It never rejects. */
  readonly onRepeat?: (() => Promise<void>) | undefined;
  /** Of a direct call whose answer comes piece by piece. */
  readonly stream?: StreamedCall | undefined;
}

/** A call whose answer comes piece by piece: how it is made, and who is told. */
export interface StreamedCall {
  /** In capitals. */
  readonly method: string;
  /** What is added to the address that the endpoint has. */
  readonly query: Readonly<Record<string, string>>;
  /** Where to ask instead of there. */
  readonly url: string | undefined;
  readonly accept: string;
  /** Says who calls instead of the key; asked before each submit. */
  readonly token: (() => Promise<string>) | undefined;
  /** Told of each event: JSON, or a text where it is none; of what is no stream of events, bytes. */
  readonly onEvent: (event: unknown) => void;
  /** Told that all of them have come. */
  readonly onWhole: () => void;
  /** Told of every sign of life. */
  readonly onBytes: () => void;
}

/** Where a request is asked for. */
export interface RequestAddresses {
  readonly status: string;
  readonly response: string;
  readonly cancel: string;
}

/** What a submit came to. */
export interface Sent {
  readonly ticket: Ticket;
  readonly position: number | undefined;
  /** Of a direct call. */
  readonly answer?: Answer;
  /** The same where it comes piece by piece: it is there once all of it is. */
  readonly rest?: Promise<Answer>;
}

/** What takes what is paid for: the queue, or the endpoint itself. */
export interface Submits {
  submit(submission: Submission): Promise<Sent>;
  /** Waits while it cannot be reached. @throws {NetworkError} where that is too long. */
  whenReachable(limits: Pick<Submission, "endpoint" | "signal" | "deadline">): Promise<void>;
}

/**
 * The queue's five requests, each one exchange. Who may repeat what is the transport's business. Status and result throw
 * an `OtherDeploymentError` for a request that another deployment took and this one does not know.
 */
export interface Queue extends Submits {
  /** The base address of the queue that the hosts name now. */
  readonly base: string;
  status(ticket: Ticket, options: { logs: boolean; signal?: AbortSignal | undefined }): Promise<WireStatus>;
  streamStatus(
    ticket: Ticket,
    options: {
      logs: boolean;
      signal?: AbortSignal | undefined;
      onBytes?: () => void;
      /** Says who asks, instead of the key. */
      token?: string | undefined;
    },
  ): Promise<AsyncIterable<WireStatus>>;
  result(ticket: Ticket, options?: { signal?: AbortSignal | undefined }): Promise<Answer>;
  /** @throws {ApiError} with status 400 where it has completed already. */
  cancel(ticket: Ticket, options?: { signal?: AbortSignal | undefined }): Promise<"in-time" | "requested">;
  /** A ticket for a request that is known by its id only. */
  ticket(endpoint: EndpointAddress, requestId: string): Ticket;
  /** Where it is asked for, by the hosts that are set now. */
  addresses(ticket: Ticket): RequestAddresses;
  /** Whether it was sent to another deployment than the one that the hosts name now. */
  isElsewhere(sent: Pick<Ticket, "queue">): boolean;
  /** What an answer to a status read means for a request that another deployment took; any other error stays as it is. */
  elsewhere(ticket: Ticket, error: unknown): unknown;
}

/** The queue of the deployment whose address `base` gives, asked at each request. */
export function createQueue(transport: Transport, base: () => string): Queue {
  const address = (ticket: Ticket, name: keyof RequestAddresses) =>
    addressOf(transport, base(), ticket, name);
  const told = (ticket: Ticket, read: "status" | "result") => (error: unknown) => {
    throw elsewhere(base(), ticket, read, error);
  };
  return {
    get base() {
      return base();
    },
    addresses: (ticket) => ({
      status: address(ticket, "status"),
      response: address(ticket, "response"),
      cancel: address(ticket, "cancel"),
    }),
    isElsewhere: ({ queue }) => queue !== base(),
    elsewhere: (ticket, error) => elsewhere(base(), ticket, "status", error),
    ticket: (endpoint, requestId) => ticketFor(base(), endpoint, requestId),
    submit: (submission) => submit(transport, base(), submission),
    whenReachable: ({ endpoint, signal, deadline }) =>
      transport.whenReachable({
        ...{ operation: "submit", method: "POST", url: base(), endpoint: endpoint.id },
        ...{ signal, deadline },
      }),

    async status(ticket, { logs, signal }) {
      const url = withLogs(address(ticket, "status"), logs);
      const request = { operation: "status", method: "GET", url, ...about(ticket), signal } as const;
      return transport.send(request, ({ text }) => readStatus(text)).catch(told(ticket, "status"));
    },

    async streamStatus(ticket, { logs, signal, onBytes, token }) {
      const url = withLogs(streamAddress(address(ticket, "status")), logs);
      const to = token === undefined ? { url } : withToken(url, token);
      const request = { operation: "status", method: "GET", ...to, ...about(ticket), signal } as const;
      return transport.open(request, readStatus, onBytes).catch(told(ticket, "status"));
    },

    async result(ticket, { signal } = {}) {
      const url = address(ticket, "response");
      const request = { operation: "result", method: "GET", url, ...about(ticket), signal } as const;
      return readResult(transport, request).catch(told(ticket, "result"));
    },

    async cancel(ticket, { signal } = {}) {
      const url = address(ticket, "cancel");
      const request = { operation: "cancel", method: "PUT", url, ...about(ticket), signal } as const;
      // fal documents 200 OK for a request that had not started, but which status goes with which word is not
      // established: the word decides, and anything else that is a yes is a request to stop.
      return transport.send(request, ({ text }) => (readCancelled(text) === "OK" ? "in-time" : "requested"));
    },
  };
}

/** How often in a row a strange body must come before it is taken for what the model gave. */
const TIMES_SEEN = 5;

interface StrangeBody {
  readonly text: string;
  readonly answer: Answer;
  readonly times: number;
  /** Whether it is the result where nothing better comes. */
  readonly isKept: boolean;
}

/**
 * No body that has come is thrown away. One that may be a mishap on the way is asked for again, and is the result if it
 * stays the same, or if nothing better comes.
 */
async function readResult(transport: Transport, request: WireRequest): Promise<Answer> {
  const seen: { strange?: StrangeBody } = {};
  try {
    return await transport.send(request, (reply) => {
      const { answer, credence } = answerOf(reply);
      if (credence === "sure") return answer;
      const times = seen.strange?.text === reply.text ? seen.strange.times + 1 : 1;
      // Nothing, or somebody else's page, is no loss as long as it has not been confirmed.
      seen.strange = { text: reply.text, answer, times, isKept: credence === "garbled" && reply.text !== "" };
      if (times < TIMES_SEEN) throw new Error("it is not JSON");
      return answer;
    });
  } catch (error) {
    const { strange } = seen;
    if (!strange?.isKept || !(error instanceof MalformedReplyError)) throw error;
    return strange.answer;
  }
}

function submit(
  transport: Transport,
  base: string,
  { endpoint, webhookUrl, headers, ...rest }: Submission,
): Promise<Sent> {
  const address = `${base}/${endpoint.id}`;
  const request = {
    ...rest,
    operation: "submit",
    method: "POST",
    url: webhookUrl === undefined ? address : withQuery(address, "fal_webhook", webhookUrl),
    headers: { ...headers, "content-type": "application/json" },
    endpoint: endpoint.id,
  } as const;
  return transport.send(request, (reply) => {
    const sent = readSubmitted(reply);
    const ticket = withLinks(transport, ticketFor(base, endpoint, sent.request_id), sent);
    return { ticket, position: sent.queue_position ?? undefined };
  });
}

/** fal's own links are the better ones, but only on an origin that is ours; else the address is made anew. */
function withLinks(transport: Transport, ticket: Ticket, sent: Submitted): Ticket {
  const entries = (["status", "response", "cancel"] as const).flatMap((name) => {
    const link = sent[`${name}_url`];
    if (link === undefined || link === madeAddress(ticket.queue, ticket, name)) return [];
    if (!transport.mayFollow(link)) return [];
    return [[name, link.startsWith(`${ticket.queue}/`) ? link.slice(ticket.queue.length) : link] as const];
  });
  return entries.length > 0 ? { ...ticket, links: Object.fromEntries(entries) } : ticket;
}

/** A store outlives the hosts that it was written under: nothing is asked on an origin that is not one of ours now. */
function addressOf(transport: Transport, base: string, ticket: Ticket, name: keyof RequestAddresses): string {
  const kept = ticket.links?.[name];
  const link = kept?.startsWith("/") ? base + kept : kept;
  return link !== undefined && transport.mayFollow(link) ? link : madeAddress(base, ticket, name);
}

const ENDINGS: RequestAddresses = { status: "/status", response: "", cancel: "/cancel" };

const madeAddress = (base: string, { endpoint, requestId }: Ticket, name: keyof RequestAddresses): string =>
  `${base}/${parseEndpointId(endpoint).app}/requests/${requestId}${ENDINGS[name]}`;

/** What a deployment answers to a status read of a request that it does not know, in one form or another. */
const UNKNOWN_TO_STATUS: ReadonlySet<number> = new Set([400, 404, 405, 410, 422]);
/** The same of a result, which a model may answer with the others. */
const UNKNOWN_TO_RESULT: ReadonlySet<number> = new Set([404, 405, 410]);

function elsewhere(base: string, ticket: Ticket, read: "status" | "result", error: unknown): unknown {
  if (ticket.queue === base || error instanceof OtherDeploymentError) return error;
  const statuses = read === "status" ? UNKNOWN_TO_STATUS : UNKNOWN_TO_RESULT;
  // What listens there now may be something else altogether.
  const isOtherServer = read === "status" && error instanceof MalformedReplyError;
  const isUnknown = error instanceof ApiError && statuses.has(error.status);
  return isUnknown || isOtherServer ? new OtherDeploymentError(ticket, base, error) : error;
}

function ticketFor(base: string, { id }: EndpointAddress, requestId: string): Ticket {
  if (typeof requestId !== "string" || !REQUEST_ID.test(requestId)) {
    const shown =
      typeof requestId === "string" ? JSON.stringify(String(requestId).slice(0, 100)) : typeof requestId;
    throw new InvalidArgumentError(`${shown} is not a request id.`);
  }
  return { endpoint: id, requestId, queue: base };
}

const about = ({ endpoint, requestId }: Ticket) => ({ endpoint, requestId });

/** A link may end in any number of slashes. */
function streamAddress(status: string): string {
  let end = status.length;
  while (status[end - 1] === "/") end--;
  return `${status.slice(0, end)}/stream`;
}

const withLogs = (address: string, logs: boolean): string => withQuery(address, "logs", logs ? "1" : "0");

function withQuery(address: string, name: string, value: string): string {
  if (!/[?#]/.test(address)) return `${address}?${name}=${encodeURIComponent(value)}`;
  const url = new URL(address);
  url.searchParams.set(name, value);
  return url.href;
}
