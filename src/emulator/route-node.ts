import { falHostPaths } from "./address.ts";
import { emulatedEnv } from "./unless-key.ts";

/**
 * An environment whose programs reach this emulator whatever client they use: Node programs, and those that they start,
 * have calls to fal's own hosts led here, over `fetch`, `WebSocket` and `node:https`. The rest is as `emulatedEnv` has it.
 *
 * @param url Where the emulator is: `http://127.0.0.1:8787`.
 * @example
 * ```ts
 * const { url, close } = await serveEmulator();
 * const child = spawn("node", ["app.js"], { env: routedEnv(process.env, url), stdio: "inherit" });
 * ```
 */
export function routedEnv(
  env: Readonly<Record<string, string | undefined>>,
  url: string,
): Readonly<Record<string, string | undefined>> {
  const source = `(${leadHere})(${JSON.stringify(url)}, ${JSON.stringify(falHostPaths())})`;
  // Percent-encoded, it has none of the spaces and quotes that divide NODE_OPTIONS.
  const preload = `--import=data:text/javascript,${encodeURIComponent(source)}`;
  return { ...emulatedEnv(env, url), NODE_OPTIONS: [env["NODE_OPTIONS"], preload].filter(Boolean).join(" ") };
}

type Send = (...args: unknown[]) => unknown;

/**
 * Runs in the program, before the program does. It travels as its own text, so it uses nothing of this file. No
 * certificate is needed: what would go to fal over TLS goes to this machine without.
 */
function leadHere(origin: string, paths: Readonly<Record<string, string>>): void {
  const own = new URL(origin);
  const isFal = (host: unknown): host is string => typeof host === "string" && Object.hasOwn(paths, host);
  const here = (address: string | URL): string | URL => {
    const url = URL.parse(address);
    if (!url || !isFal(url.hostname)) return address;
    const scheme = url.protocol === "wss:" ? "ws:" : own.protocol;
    return `${scheme}//${own.host}${paths[url.hostname]}${url.pathname}${url.search}`;
  };

  const { fetch } = globalThis;
  globalThis.fetch = (input, init) => {
    if (!(input instanceof Request)) return fetch(here(input), init);
    const led = here(input.url);
    return fetch(led === input.url ? input : new Request(led, input), init);
  };

  // Read when it is used: Node loads much for it.
  const socket = Object.getOwnPropertyDescriptor(globalThis, "WebSocket");
  if (socket?.configurable) {
    const change = (value: unknown) =>
      Object.defineProperty(globalThis, "WebSocket", { value, configurable: true, writable: true });
    const get = () => {
      const Real = (socket.get?.call(globalThis) ?? socket.value) as typeof WebSocket;
      const Led = class WebSocket extends Real {
        constructor(address: string | URL, protocols?: string | string[]) {
          super(here(address), protocols);
        }
      };
      change(Led);
      return Led;
    };
    Object.defineProperty(globalThis, "WebSocket", { get, set: change, configurable: true });
  }

  const http = process.getBuiltinModule("node:http") as unknown as Record<string, Send>;
  const https = process.getBuiltinModule("node:https") as unknown as Record<string, Send>;
  for (const name of ["request", "get"]) {
    const real = https[name] as Send;
    https[name] = (...args) => {
      const [first, second] = args;
      const at = typeof first === "string" || first instanceof URL ? new URL(first) : undefined;
      const said = ((at ? second : first) ?? {}) as Record<string, unknown>;
      const options = typeof said === "object" ? said : {};
      const host = options["hostname"] ?? options["host"] ?? at?.hostname;
      if (!isFal(host)) return real(...args);
      const path = `${paths[host]}${options["path"] ?? (at ? at.pathname + at.search : "/")}`;
      const connection = { agent: undefined, createConnection: undefined, servername: undefined };
      const to = { protocol: "http:", host: own.hostname, hostname: own.hostname, port: own.port, path };
      return http[name]?.(
        { ...options, ...connection, ...to },
        args.find((one) => typeof one === "function"),
      );
    };
  }
  process.getBuiltinModule("node:module").syncBuiltinESMExports();
}
