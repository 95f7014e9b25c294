import type { Origins } from "../environment/origins.ts";
import { REQUEST_ID } from "../journal/call.ts";
import { type EndpointAddress, parseEndpointId } from "../queue/endpoint.ts";
import { refusal } from "./refusal.ts";

/** What a request asks fal for. */
export interface ProxyTarget {
  /** `submit`, `run` and `stream` are paid for; `upload` announces a file, whose bytes go straight to fal. */
  readonly operation: "submit" | "run" | "stream" | "status" | "result" | "cancel" | "upload";
  /** Whole for what is paid for; of status, result and cancel the app, `owner/alias`. Undefined for an upload. */
  readonly endpoint: string | undefined;
  /** Of status, result and cancel. */
  readonly requestId: string | undefined;
}

/** A target, and where of fal it is. */
export interface Aim extends ProxyTarget {
  /** On the origin of the service; undefined for what the client sends by itself. */
  readonly path: string | undefined;
}

type Service = "queue" | "run" | "rest";

/** fal's own names, whichever deployment the server is of: a page does not know that. */
const SERVICE_OF_HOST: ReadonlyMap<string, Service> = new Map([
  ["queue.fal.run", "queue"],
  ["queue.falrun.com", "queue"],
  ["fal.run", "run"],
  ["falrun.com", "run"],
  ["rest.fal.ai", "rest"],
  ["rest.alpha.fal.ai", "rest"],
]);

const TARGET_URL_HEADER = "x-fal-target-url";

/**
 * What a request is for, by its method and its `x-fal-target-url`. That address is never called: it is taken apart, and what is
 * called is made anew of the server's own origins.
 *
 * @throws {Refusal} for all that is not one of the requests that a page makes.
 */
export function aimOf(request: Request, origins: () => Origins): Aim {
  const address = request.headers.get(TARGET_URL_HEADER);
  if (address === null)
    throw refusal(400, `There is no ${TARGET_URL_HEADER}: this is a proxy for clients of fal.`);
  const url = URL.parse(address);
  const { service, path } = placeOf(url, origins) ?? {};
  if (!url || !service || path === undefined) {
    throw refusal(
      400,
      `${TARGET_URL_HEADER} is no address of fal's queue, of its direct calls or of its storage.`,
    );
  }
  const aim = aimsOf[service](request.method, path.replace(/\/$/, ""));
  if (!aim) throw refusal(403, `This proxy does not pass on ${request.method} to that address.`);
  const query = queryFor(aim, url);
  return { ...aim, path: aim.path === undefined ? undefined : aim.path + query };
}

function placeOf(
  url: URL | null,
  origins: () => Origins,
): { readonly service: Service; readonly path: string } | undefined {
  if (!url || url.username || url.password || url.hash) return undefined;
  const service = url.protocol === "https:" && url.port === "" && SERVICE_OF_HOST.get(url.hostname);
  if (service) return { service, path: url.pathname };
  const { queue, run, rest } = origins();
  const here = `${url.origin}${url.pathname}`;
  const [own, base] = Object.entries({ queue, run, rest }).find(([, at]) => here.startsWith(`${at}/`)) ?? [];
  return own && base ? { service: own as Service, path: here.slice(base.length) } : undefined;
}

/** `owner/alias[/path]/requests/ID[/what]` */
const OF_REQUEST = /^\/(.+)\/requests\/([^/]+)(?:\/(status|status\/stream|response|cancel))?$/;

const aimsOf: Record<Service, (method: string, path: string) => Aim | undefined> = {
  queue(method, path) {
    const [, app, requestId = "", what = "response"] = OF_REQUEST.exec(path) ?? [];
    if (app === undefined) return method === "POST" ? paid("submit", path) : undefined;
    if (method !== (what === "cancel" ? "PUT" : "GET") || !REQUEST_ID.test(requestId)) return undefined;
    const endpoint = addressOf(app)?.app;
    const operation = OPERATIONS[what];
    if (endpoint === undefined || !operation) return undefined;
    const end = what === "response" ? "" : `/${what}`;
    const isOurs = operation === "cancel";
    return {
      operation,
      endpoint,
      requestId,
      path: isOurs ? undefined : `/${endpoint}/requests/${requestId}${end}`,
    };
  },
  run(method, path) {
    if (method !== "POST") return undefined;
    return path.endsWith(STREAM_PATH)
      ? paid("stream", path.slice(0, -STREAM_PATH.length))
      : paid("run", path);
  },
  rest(method, path) {
    if (method !== "POST" || !UPLOADS.has(path)) return undefined;
    return { operation: "upload", endpoint: undefined, requestId: undefined, path };
  },
};

const STREAM_PATH = "/stream";

const OPERATIONS: Readonly<Record<string, ProxyTarget["operation"]>> = {
  status: "status",
  "status/stream": "status",
  response: "result",
  cancel: "cancel",
};

const UPLOADS: ReadonlySet<string> = new Set([
  "/storage/upload/initiate",
  "/storage/upload/initiate-multipart",
]);

export const PAID: ReadonlySet<ProxyTarget["operation"]> = new Set(["submit", "run", "stream"]);

function paid(operation: "submit" | "run" | "stream", path: string): Aim | undefined {
  const endpoint = addressOf(path.slice(1))?.id;
  return endpoint === undefined ? undefined : { operation, endpoint, requestId: undefined, path: undefined };
}

function addressOf(id: string): EndpointAddress | undefined {
  try {
    return parseEndpointId(id);
  } catch {
    return undefined;
  }
}

/** What may follow a path; the rest would be something else than what was allowed, such as a webhook of a stranger's. */
const QUERIES: Partial<Record<ProxyTarget["operation"], ReadonlySet<string>>> = {
  status: new Set(["logs"]),
  upload: new Set(["storage_type"]),
};

function queryFor({ operation }: Aim, { searchParams }: URL): string {
  const known = QUERIES[operation];
  const unknown = [...searchParams.keys()].find((name) => !known?.has(name));
  if (unknown !== undefined)
    throw refusal(403, `This proxy does not pass on the parameter ${unknown.slice(0, 40)}.`);
  return searchParams.size > 0 ? `?${searchParams}` : "";
}
