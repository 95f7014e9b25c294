import type { Fault } from "./faults/fault.ts";

const MOST_REQUESTS = 2_000;
const LONGEST_BODY = 256 * 1024;
const MOST_TEXT = 64 * 2 ** 20;

/** One HTTP request as it reached the emulator. */
export interface ReceivedRequest {
  readonly at: number;
  readonly method: string;
  readonly url: string;
  /** What `x-fal-target-url` said, for a request that came as if through a proxy. */
  readonly target: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** The body's text, where it was JSON of a reasonable size. */
  readonly body: string | undefined;
  /** What was made to go wrong with it. A connection that was `refused` is on record too, though it never came. */
  fault: Fault | undefined;
}

export interface Recorder {
  readonly list: readonly ReceivedRequest[];
  clear(): void;
  add(request: Request, body: Uint8Array, at: number): ReceivedRequest;
}

/** Keeps the latest requests; a long-lived emulator forgets the oldest. */
export function createRecorder(): Recorder {
  const list: ReceivedRequest[] = [];
  let held = 0;
  return {
    list,
    clear() {
      list.length = 0;
      held = 0;
    },
    add(request, body, at) {
      const { headers, method, url } = request;
      const hasBody = method !== "GET" && method !== "HEAD";
      const isJson = headers.get("content-type")?.includes("json") ?? false;
      const record: ReceivedRequest = {
        at,
        method,
        url,
        target: headers.get("x-fal-target-url") ?? undefined,
        headers: Object.fromEntries(headers),
        body:
          isJson && hasBody && body.byteLength <= LONGEST_BODY ? new TextDecoder().decode(body) : undefined,
        fault: undefined,
      };
      list.push(record);
      held += sizeOf(record);
      while (list.length > MOST_REQUESTS || held > MOST_TEXT) held -= sizeOf(list.shift());
      return record;
    },
  };
}

const sizeOf = (record: ReceivedRequest | undefined): number =>
  (record?.body?.length ?? 0) + (record?.url.length ?? 0);
