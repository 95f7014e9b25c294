import { join } from "node:path";
import { onTestFinished, vi } from "vitest";
import { type HomeApp, type HomeOptions, serveAtHome } from "../../src/runners/home.ts";
import { tempDir } from "../support/temp.ts";

const CHILDREN = join(import.meta.dirname, "children");

/** An app of this folder. */
export const appOf = (name: string, facts: Partial<HomeApp> = {}): HomeApp => ({
  name,
  file: join(CHILDREN, `${name}.ts`),
  ...facts,
});

export const headersOf = (account: string) => ({
  authorization: `Key ${account}:secret`,
  "content-type": "application/json",
});

/** Apps at home, in a hurry. They are called by their account, `me`, unless somebody else is named. */
export async function home(apps: readonly HomeApp[], options: Partial<HomeOptions> = {}) {
  const cwd = options.cwd ?? tempDir();
  const lines: string[] = [];
  const served = await serveAtHome({
    ...{ apps, owner: "me", data: join(cwd, "data"), cwd },
    env: { PATH: process.env["PATH"], HOME: cwd },
    execArgv: ["--conditions=fal-chain-source"],
    ...options,
    emulator: { timeScale: 0.02, onLine: (text) => lines.push(text), ...options.emulator },
  });
  onTestFinished(served.close);
  const post = (service: "run" | "queue", path: string, body: unknown, init: RequestInit = {}) =>
    fetch(`${served.url}/${service}/me/${path}`, {
      ...{ method: "POST", headers: headersOf("me"), body: JSON.stringify(body) },
      ...init,
    });
  const jsonOf = async (response: Promise<Response>) =>
    (await (await response).json()) as Record<string, unknown>;
  return {
    ...served,
    ...{ cwd, lines },
    call: (path: string, body: unknown = {}, init?: RequestInit) => jsonOf(post("run", path, body, init)),
    submit: async (path: string, body: unknown = {}, account = "me") => {
      const answer = await jsonOf(post("queue", path, body, { headers: headersOf(account) }));
      return answer["request_id"] as string;
    },
    runner: (app: string) => served.emulator.fleets.get(`me/${app}`)?.runners[0],
    done: (requestId: string, withinMs = 20_000) =>
      vi.waitUntil(() => {
        const job = served.emulator.job(requestId);
        return job?.state === "COMPLETED" && job;
      }, withinMs),
  };
}
