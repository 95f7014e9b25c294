const MOST_REQUESTS = 2_000;
const LONGEST_BODY = 256 * 1024;

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
}

export interface Recorder {
  readonly list: readonly ReceivedRequest[];
  add(request: Request, body: ArrayBuffer | undefined, at: number): void;
}

/** Keeps the latest requests; a long-lived emulator forgets the oldest. */
export function createRecorder(): Recorder {
  const list: ReceivedRequest[] = [];
  return {
    list,
    add(request, body, at) {
      const { headers, method, url } = request;
      const isJson = headers.get("content-type")?.includes("json") ?? false;
      list.push({
        at,
        method,
        url,
        target: headers.get("x-fal-target-url") ?? undefined,
        headers: Object.fromEntries(headers),
        body: isJson && body && body.byteLength <= LONGEST_BODY ? new TextDecoder().decode(body) : undefined,
      });
      if (list.length > MOST_REQUESTS) list.shift();
    },
  };
}
