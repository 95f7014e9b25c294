import type { App } from "fal-chain/app";
import { virtualClock } from "fal-chain/emulator";
import { ENV, type Setup, setup } from "../support/setup.ts";

/** What fal gives a runner, as far as a request is concerned. */
const RUNNER = {
  ...ENV,
  FAL_JOB_ID: "runner-1",
  FAL_APP_NAME: "acme/poster",
  FAL_USER_NICKNAME: "acme",
};

/** The same where time stands still, so that calls stay under way, until it is moved. */
export function stillSite(options: Parameters<typeof setup>[0] = {}): ReturnType<typeof site> {
  const clock = virtualClock({ auto: false });
  return { ...site({ clock, emulator: { clock }, ...options }), clock };
}

/** A client in a runner, and the log that an app writes. */
export function site(
  options: Parameters<typeof setup>[0] = {},
): Setup & { readonly log: Line[]; readonly logger: Logger } {
  const log: Line[] = [];
  const at = (level: string) => (details: object, msg: string) => void log.push({ level, msg, ...details });
  const logger = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  return { ...setup({ env: RUNNER, logger: { warn() {} }, ...options }), log, logger };
}

export type Line = { readonly level: string; readonly msg: string } & Record<string, unknown>;
type Logger = Record<"debug" | "info" | "warn" | "error", (details: object, message: string) => void>;

/** Posts JSON to an app, without a port. */
export async function post(
  app: Pick<App, "fetch">,
  path: string,
  body: unknown,
  { headers = {}, signal }: { headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Response> {
  return app.fetch(
    new Request(`http://app.test${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
      ...(signal && { signal }),
    }),
  );
}

/** An answer as a test compares it. */
export const read = async (response: Response) => ({
  status: response.status,
  body: await response.json(),
  units: response.headers.get("x-fal-billable-units"),
  retry: response.headers.get("x-fal-needs-retry"),
  stop: response.headers.get("x-fal-stop-runner"),
});
