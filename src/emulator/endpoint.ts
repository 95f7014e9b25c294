/** `fal-ai/birefnet/v2` lives in the app `fal-ai/birefnet`: everything after a submit is addressed to the app. */
export function appOf(endpoint: string): string {
  const segments = endpoint.split("/");
  // These two leading namespaces shift the split by one.
  const shift = segments[0] === "workflows" || segments[0] === "comfy" ? 1 : 0;
  return segments.slice(0, 2 + shift).join("/");
}

export type RequestAction = "status" | "stream" | "result" | "cancel";

/** What a path below `/queue` asks for. */
export type QueuePath =
  | { readonly kind: "endpoint"; readonly endpoint: string }
  | {
      readonly kind: "request";
      readonly app: string;
      readonly requestId: string;
      readonly action: RequestAction;
    };

const ACTION_OF_SUFFIX: Readonly<Record<string, RequestAction>> = {
  "": "result",
  response: "result",
  status: "status",
  "status/stream": "stream",
  cancel: "cancel",
};

/** Accepts the app alone or the full endpoint id before `/requests/`, as the platform does. */
export function parseQueuePath(path: string): QueuePath | undefined {
  const segments = path.split("/").filter(Boolean).map(decode);
  const at = segments.lastIndexOf("requests");
  if (at < 2 || at === segments.length - 1) {
    return segments.length < 2 ? undefined : { kind: "endpoint", endpoint: segments.join("/") };
  }
  const suffix = segments.slice(at + 2).join("/");
  const action = Object.hasOwn(ACTION_OF_SUFFIX, suffix) ? ACTION_OF_SUFFIX[suffix] : undefined;
  const requestId = segments[at + 1];
  if (!action || !requestId) return undefined;
  return { kind: "request", app: appOf(segments.slice(0, at).join("/")), requestId, action };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
