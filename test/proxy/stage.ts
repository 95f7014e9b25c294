import { createFal, type Fal, type FalOptions } from "fal-chain";
import { createEmulator, type Emulator, type EmulatorOptions } from "fal-chain/emulator";
import { createProxy, type FalProxy, type ProxyOptions } from "fal-chain/proxy";
import { echo } from "../support/models.ts";
import { ENV } from "../support/setup.ts";

export const SITE = "https://site.test/api/fal/proxy";

export interface Site {
  readonly emulator: Emulator;
  /** The server's own client. */
  readonly fal: Fal;
  readonly proxy: FalProxy;
  /** What reached fal, oldest first. */
  readonly reached: Request[];
  /** What a page's `fetch` does: there is nothing but the proxy, and where files go. */
  readonly pageFetch: typeof globalThis.fetch;
  readonly troubles: unknown[];
}

export type Upstream = (request: Request, forward: () => Promise<Response>) => Response | Promise<Response>;

interface SiteOptions extends ProxyOptions {
  readonly client?: FalOptions;
  readonly emulated?: EmulatorOptions;
  /** Stands between the server and fal. */
  readonly upstream?: Upstream;
}

/** A server with a key behind its pages, and an emulator behind the server. */
export function site({ client, emulated, upstream, ...options }: SiteOptions = {}): Site {
  const emulator = createEmulator({ timeScale: 0, models: [echo()], ...emulated });
  const reached: Request[] = [];
  const troubles: unknown[] = [];
  const fetch: typeof globalThis.fetch = async (...args) => {
    const request = new Request(...args);
    reached.push(request.clone());
    const forward = () => emulator.fetch(request);
    return upstream ? upstream(request, forward) : forward();
  };
  const fal = createFal({ env: ENV, fetch, logger: { warn() {} }, ...client });
  const proxy = createProxy({
    fal,
    fetch,
    allow: ["acme/*"],
    authorize: () => true,
    onError: (error) => troubles.push(error),
    ...options,
  });
  const pageFetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(new URL(String(input), SITE), init);
    return request.url === SITE ? proxy(request) : emulator.fetch(request);
  };
  return { emulator, fal, proxy, reached, pageFetch, troubles };
}

/** What a page sends. */
export const asking = (
  target: string,
  init: RequestInit & { headers?: Record<string, string> } = {},
): Request => new Request(SITE, { ...init, headers: { "x-fal-target-url": target, ...init.headers } });

export const submitting = (
  body: BodyInit = '{"text":"a fox"}',
  headers: Record<string, string> = {},
): Request => asking("https://queue.fal.run/acme/echo", { method: "POST", body, headers });
