import { isLoopback } from "../base/urls.ts";
import { EnvironmentError } from "../errors/environment.ts";

/** Base URLs without a trailing slash, and the exact origins that may receive the key. */
export interface Origins {
  readonly queue: string;
  readonly run: string;
  readonly rest: string;
  readonly api: string;
  readonly trusted: ReadonlySet<string>;
}

export interface HostVariables {
  readonly FAL_HOST?: string | undefined;
  readonly FAL_RUN_HOST?: string | undefined;
  readonly FAL_QUEUE_RUN_HOST?: string | undefined;
  readonly FAL_REST_HOST?: string | undefined;
}

const DEFAULT_HOST = "api.fal.ai";

/**
 * `api.fal.ai` gives fal's hosts, derived as fal's own SDK does (drop `api.` and `alpha.`, `.ai` to `.run`). A loopback
 * host or a full URL is one origin for everything, with a path for each service. The explicit host variables win.
 *
 * @throws {EnvironmentError} naming the variable whose value is no usable host.
 */
export function deriveOrigins(hosts: HostVariables, options: { allowHttp?: boolean } = {}): Origins {
  const read = (variable: keyof HostVariables) =>
    hosts[variable] === undefined
      ? undefined
      : parseHost(variable, hosts[variable], options.allowHttp ?? false);

  const fromHost = bases(read("FAL_HOST") ?? parseHost("FAL_HOST", DEFAULT_HOST, false));
  const run = read("FAL_RUN_HOST");
  const queue = read("FAL_QUEUE_RUN_HOST") ?? (run && !run.single ? sub("queue", run) : run);
  const rest = read("FAL_REST_HOST");

  const origins = {
    queue: queue?.base ?? fromHost.queue,
    run: run?.base ?? fromHost.run,
    rest: rest?.base ?? fromHost.rest,
    api: fromHost.api,
  };
  return Object.freeze({
    ...origins,
    trusted: new Set(Object.values(origins).flatMap(originsOf)),
  });
}

/**
 * fal's own second names of its hosts, for when the first cannot be connected to.
 * Source: the servers of https://fal.ai/docs/api-reference/inference-api/openapi/queue.json
 */
const BACKUPS: ReadonlyMap<string, string> = new Map([
  ["https://queue.fal.run", "https://queue.falrun.com"],
  ["https://fal.run", "https://falrun.com"],
]);

const originsOf = (base: string): string[] => {
  const { origin } = new URL(base);
  return [origin, BACKUPS.get(origin)].filter((known) => known !== undefined);
};

/** The same address under the second name of its host, where that has one. */
export function backupOf(address: string): string | undefined {
  const origin = URL.parse(address)?.origin ?? "";
  const backup = BACKUPS.get(origin);
  return backup && backup + address.slice(origin.length);
}

/** Whether the key may go to this address: its whole origin is one of ours, and nothing is smuggled in its userinfo. */
export function isTrusted(address: string, trusted: ReadonlySet<string>): boolean {
  // What begins with an origin and a slash has that origin and no userinfo, whatever follows.
  for (const origin of trusted) if (address.startsWith(`${origin}/`)) return true;
  const url = URL.parse(address);
  return url !== null && url.username === "" && url.password === "" && trusted.has(url.origin);
}

interface Host {
  readonly base: string;
  readonly hostname: string;
  /** One origin for every service: a loopback address or a full URL. */
  readonly single: boolean;
}

function bases(host: Host): Pick<Origins, "queue" | "run" | "rest" | "api"> {
  const { base, hostname } = host;
  if (host.single)
    return { queue: `${base}/queue`, run: `${base}/run`, rest: `${base}/rest`, api: `${base}/api/v1` };
  const run = hostname.replace("api.", "").replace("alpha.", "").replace(".ai", ".run");
  return {
    queue: `https://queue.${run}`,
    run: `https://${run}`,
    rest: `https://${hostname.replace("api", "rest")}`,
    api: `https://${hostname.replace("alpha.", "")}/v1`,
  };
}

const sub = (name: string, host: Host): Host => ({
  ...host,
  base: `https://${name}.${host.base.slice("https://".length)}`,
});

const FAL_CONTROL_PLANE = /^api\.(alpha\.)?fal\.ai$/;

function parseHost(variable: keyof HostVariables, raw: string, allowHttp: boolean): Host {
  const refuse = (problem: string) =>
    new EnvironmentError(
      "invalid_variable",
      variable,
      problem,
      `Set it to a host such as ${variable === "FAL_HOST" ? DEFAULT_HOST : "fal.run"}, to a loopback address such as ` +
        "127.0.0.1:8787, or to a full https:// URL.",
    );

  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(raw);
  const bare = URL.parse(`https://${raw}`);
  const loopback = isLoopback((hasScheme ? URL.parse(raw) : bare)?.hostname ?? "");
  const url = hasScheme ? URL.parse(raw) : URL.parse(`${loopback ? "http" : "https"}://${raw}`);

  if (!url?.hostname) throw refuse("is not a host or a URL");
  if (url.username || url.password) throw refuse("holds a user name or a password");
  if (url.search || url.hash) throw refuse("holds a query or a fragment");
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw refuse(`uses the scheme ${url.protocol.slice(0, -1)}, not https`);
  }
  if (url.protocol === "http:" && !loopback && !allowHttp) {
    throw refuse(
      "uses plain http, which would send the key unencrypted; only loopback may (or createFal({ allowHttp: true }))",
    );
  }
  if (!hasScheme && url.pathname !== "/") throw refuse("holds a path without a scheme");

  const base = url.origin + url.pathname.replace(/(?<!\/)\/+$/, "");
  const controlPlane = FAL_CONTROL_PLANE.test(url.hostname);
  const single = loopback || (hasScheme && !controlPlane);
  if (variable === "FAL_HOST" && !single && !url.hostname.startsWith("api.")) {
    throw refuse("does not begin with api., as the platform's host does");
  }
  return { base, hostname: url.host, single };
}
