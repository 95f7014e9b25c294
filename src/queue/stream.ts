import { parseForeign } from "../base/json.ts";
import type { WireRequest, WireStream } from "../base/transport.ts";
import { MalformedReplyError } from "../errors/network.ts";
import type { Ticket } from "../journal/call.ts";
import { billableUnits } from "../money/cost.ts";
import type { Answer } from "./answer.ts";
import type { StreamedCall } from "./queue.ts";
import { withToken } from "./tokens.ts";

const STREAM_PATH = "/stream";

/** Where an endpoint streams: an id may name that, or leave it out. Source: the official client. */
export const withoutStreamPath = (id: string): string =>
  id.endsWith(STREAM_PATH) ? id.slice(0, -STREAM_PATH.length) : id;

/** Whether history and bill list a stream under its endpoint or under this is not established. */
export const streamPathOf = (endpoint: string): string => `${endpoint}${STREAM_PATH}`;

/** A direct call as it goes to where its endpoint streams. */
export async function streamRequest(request: WireRequest, how: StreamedCall): Promise<WireRequest> {
  const { method, accept, token: askToken } = how;
  const url = streamAddress(request.url, how);
  const { body, ...rest } = request;
  const common = { ...rest, method, accept, ...(method !== "GET" && body !== undefined && { body }) };
  if (!askToken) return { ...common, url };
  return { ...common, ...withToken(url, await askToken()) };
}

/** @param endpoint The address of its direct calls. */
export function streamAddress(endpoint: string, { url, query }: Pick<StreamedCall, "url" | "query">): string {
  if (url !== undefined) return url;
  const address = new URL(`${endpoint}${STREAM_PATH}`);
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  return address.href;
}

/** What some models send for an end, as OpenAI's do: it is no event. */
const END_MARK = "[DONE]";

/**
 * Reads a stream to its end, and tells of each event. The last one is the result; of what is no stream of events, all of its
 * bytes are.
 *
 * @throws {Error} at once, where it may be a stranger's page.
 */
export function readStream(
  { status, headers, parts }: WireStream,
  ticket: Ticket,
  { onEvent, onWhole }: Pick<StreamedCall, "onEvent" | "onWhole">,
): Promise<Answer> {
  if (mayBeAStrangers(headers)) throw new Error("it is a web page, and not fal's");
  const reading = readAll(parts, ticket, onEvent).then((data) => {
    onWhole();
    return { data, units: billableUnits(headers), response: new Response(null, { status, headers }) };
  });
  // Whoever waits for it comes later.
  reading.catch(() => {});
  return reading;
}

async function readAll(
  parts: WireStream["parts"],
  { endpoint, requestId }: Ticket,
  onEvent: (event: unknown) => void,
): Promise<unknown> {
  let last: unknown = null;
  const bytes: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of parts) {
    if ("bytes" in part) {
      bytes.push(part.bytes);
      onEvent(part.bytes);
      continue;
    }
    if (part.data.trim() === END_MARK) continue;
    const event = eventOf(part.data);
    if (part.isCut && event === part.data) {
      throw new MalformedReplyError(`The stream of ${endpoint} ended in the middle of an event.`, {
        ...{ endpoint, requestId, billed: "unknown" },
      });
    }
    last = event;
    onEvent(event);
  }
  return bytes.length > 0 ? await new Blob(bytes).arrayBuffer() : last;
}

/** An event that is no JSON is its text: nothing that was paid for is thrown away. */
function eventOf(data: string): unknown {
  try {
    return parseForeign(data);
  } catch {
    return data;
  }
}

const mayBeAStrangers = (headers: Headers): boolean =>
  /^text\/html\b/i.test(headers.get("content-type") ?? "") &&
  ![...headers.keys()].some((name) => name.startsWith("x-fal-"));
