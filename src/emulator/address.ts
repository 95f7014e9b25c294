/** The platform's services, by the first segment of their path on an emulator's origin. */
export type Service = "queue" | "run" | "rest" | "api" | "files";

/** What a request is addressed to, whichever of the three ways it came, and where links in its answer point. */
export interface Address {
  /** `path`: on our own origin. `host`: to one of fal's hosts. `proxy`: through `x-fal-target-url`. */
  readonly via: "path" | "host" | "proxy";
  /** Path-style: `/queue/fal-ai/esrgan`. */
  readonly path: string;
  readonly search: string;
  readonly queueBase: string;
  readonly filesBase: string;
}

const SERVICE_OF_HOST: Readonly<Record<string, Service>> = {
  "queue.fal.run": "queue",
  "queue.falrun.com": "queue",
  "fal.run": "run",
  "falrun.com": "run",
  "rest.fal.ai": "rest",
  "rest.alpha.fal.ai": "rest",
  "api.fal.ai": "api",
  "v3.fal.media": "files",
  "v3b.fal.media": "files",
};

/** The hosts that fal's own clients ask. */
export const FAL_HOSTS: readonly string[] = Object.keys(SERVICE_OF_HOST);

/** What stands on an emulator's own origin before the paths of each of fal's hosts; the CDN's start with /files already. */
export const falHostPaths = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(SERVICE_OF_HOST).map(([host, service]) => [
      host,
      service === "files" ? "" : `/${service}`,
    ]),
  );

export const isFalHost = (host: string): boolean => Object.hasOwn(SERVICE_OF_HOST, host);

export interface OwnOrigins {
  /** What the user said: links always point there. */
  readonly stated?: string | undefined;
  /** Where a server listens: for requests whose own URL does not tell. */
  readonly servedAt?: string | undefined;
}

const serviceOf = ({ hostname }: URL) => (isFalHost(hostname) ? SERVICE_OF_HOST[hostname] : undefined);

/** Undefined when `x-fal-target-url` names something that is not the platform; a real proxy refuses that too. */
export function addressOf(request: Request, own: OwnOrigins): Address | undefined {
  const url = new URL(request.url);
  const target = request.headers.get("x-fal-target-url");
  if (target !== null) {
    const aim = URL.parse(target);
    const service = aim && serviceOf(aim);
    // The one who reads the answer sits behind our origin, so files must be fetchable there.
    return service ? onFalHosts("proxy", service, aim, own.stated ?? url.origin) : undefined;
  }
  const service = serviceOf(url);
  if (service) return onFalHosts("host", service, url, own.stated ?? own.servedAt);
  const origin = own.stated ?? url.origin;
  return {
    via: "path",
    path: tidy(url.pathname),
    search: url.search,
    queueBase: `${origin}/queue`,
    filesBase: `${origin}/files`,
  };
}

function onFalHosts(
  via: "host" | "proxy",
  service: Service,
  url: URL,
  filesOrigin: string | undefined,
): Address {
  const path = tidy(url.pathname);
  return {
    via,
    // The CDN's own paths start with /files already.
    path: service === "files" ? path : `/${service}${path}`,
    search: url.search,
    queueBase: "https://queue.fal.run",
    filesBase: filesOrigin ? `${filesOrigin}/files` : "https://v3.fal.media/files",
  };
}

/** One slash between segments and none at the end: fal's own older helpers send trailing ones. */
const tidy = (path: string): string => `/${path.split("/").filter(Boolean).join("/")}`;
