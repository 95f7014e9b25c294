import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { systemClock } from "../base/clock.ts";
import { checkOptions, count, either, milliseconds, type OptionsOf, text } from "../base/options.ts";
import { ambientEnv } from "../environment/environment.ts";
import { ListenError } from "../errors/emulator.ts";
import { type Opened, openedServer } from "./closing.ts";
import { lifecycle } from "./lifecycle.ts";
import type { Metrics } from "./metrics.ts";
import type { Served } from "./serving.ts";

export interface ServeOptions {
  /** The app's `exposed_port`; 0: a free one. @default `FAL_CHAIN_PORT`, else 8080 */
  readonly port?: number;
  /** @default `FAL_CHAIN_HOST`, else "0.0.0.0", where fal's gateway finds it */
  readonly host?: string;
  /** The app's `metrics_port`, at `/metrics` in Prometheus' form; false: none. @default `FAL_CHAIN_METRICS_PORT`, else 9090 */
  readonly metricsPort?: number | false;
  /** The app's `startup_timeout`, in milliseconds. @default 600_000 */
  readonly startupTimeout?: number;
  /** The app's `termination_grace_period_seconds`, in milliseconds, at most 30_000. @default 5_000 */
  readonly gracePeriod?: number;
}

const OPTIONS: OptionsOf<ServeOptions> = {
  port: count(0),
  host: text,
  metricsPort: either(count(0), { what: "false", is: (value) => value === false }),
  startupTimeout: milliseconds(1),
  gracePeriod: milliseconds(1),
};

/** An app that is being served. */
export interface AppServer {
  readonly url: string;
  readonly port: number;
  readonly metricsPort: number | undefined;
}

export async function serveApp<S>(app: Served<S>, options: ServeOptions = {}): Promise<AppServer> {
  checkOptions(options, OPTIONS, { of: "serve" });
  const { startupTimeout, gracePeriod } = options;
  const { port, host, metricsPort } = addressOf(options);
  // What the client says is to be lines of the same log.
  process.env["FAL_CHAIN_LOG"] ||= "info";
  const begun = Promise.withResolvers<AppServer>();
  await lifecycle<S>({
    setup: ({ signal }) => app.start(signal),
    async open() {
      const { opened, server } = await open(app, { port, host, metricsPort });
      begun.resolve(server);
      return opened;
    },
    handleExit: (state) => app.handleExit(state),
    teardown: (state) => app.teardown(state),
    log: announced(app),
    ...(startupTimeout !== undefined && { startupTimeout }),
    ...(gracePeriod !== undefined && { gracePeriod }),
  });
  return begun.promise;
}

interface Address {
  readonly port: number;
  readonly host: string;
  readonly metricsPort: number | undefined;
}

function addressOf({ port, host, metricsPort }: ServeOptions): Address {
  const env = ambientEnv();
  const said = (name: string) => {
    const value = env[name]?.trim();
    return value && /^\d+$/.test(value) ? Number(value) : undefined;
  };
  const metrics = metricsPort ?? said("FAL_CHAIN_METRICS_PORT") ?? 9090;
  return {
    port: port ?? said("FAL_CHAIN_PORT") ?? 8080,
    host: host ?? (env["FAL_CHAIN_HOST"]?.trim() || "0.0.0.0"),
    metricsPort: metrics === false ? undefined : metrics,
  };
}

/** The states of the runner are told whoever started it, too: `fal-chain dev`. */
function announced<S>({ log }: Served<S>): Served<S>["log"] {
  return {
    ...log,
    info(details, message) {
      log.info(details, message);
      if ("state" in details) tellParent({ type: "fal-chain:state", state: details.state });
    },
  };
}

const tellParent = (message: object): void => void process.send?.(message, undefined, undefined, () => {});

async function open<S>(
  app: Served<S>,
  { port, host, metricsPort }: Address,
): Promise<{ opened: Opened; server: AppServer }> {
  // Only who has metrics loads what makes them.
  const metrics = metricsPort === undefined ? undefined : (await import("./metrics.ts")).createMetrics(app);
  const metricsServer = metrics && (await listening(metricsServerOf(metrics), metricsPort ?? 0, host));
  const server = await listening(createAdaptorServer({ fetch: app.hono.fetch }) as Server, port, host);
  const ports = { port: portOf(server), metricsPort: metricsServer && portOf(metricsServer) };
  const opened = openedServer(server, systemClock);
  app.log.info({ port: ports.port, metrics_port: ports.metricsPort }, "App is listening");
  tellParent({ type: "fal-chain:listening", ...ports });
  return {
    server: { url: `http://127.0.0.1:${ports.port}`, ...ports },
    opened: {
      drain() {
        app.closes();
        return opened.drain();
      },
      letGo: () => app.letGo(),
      async close() {
        metricsServer?.closeAllConnections();
        metricsServer?.close();
        await opened.close();
      },
    },
  };
}

function metricsServerOf(metrics: Metrics): Server {
  return createAdaptorServer({
    async fetch(request) {
      if (new URL(request.url).pathname !== "/metrics") return new Response("Not Found", { status: 404 });
      return new Response(await metrics.text(), { headers: { "content-type": metrics.contentType } });
    },
  }) as Server;
}

/** @throws {ListenError} saying why it cannot be, and what to do. */
async function listening(server: Server, port: number, host: string): Promise<Server> {
  try {
    await once(server.listen(port, host), "listening");
    return server;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why =
      code === "EADDRINUSE" ? "it is in use. Stop what listens there, or choose another one" : message;
    throw new ListenError(`The app cannot listen on port ${port} of ${host}: ${why}.`, { cause });
  }
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
