import { createHash } from "node:crypto";
import { join } from "node:path";
import { emulatorEnv } from "../emulator/index.ts";
import type { Env } from "../environment/environment.ts";

/** Which app a runner is of. */
export interface AppIdentity {
  readonly owner: string;
  /** With `--staging` in that environment. */
  readonly name: string;
}

export interface RunnerFacts {
  readonly app: AppIdentity;
  readonly jobId: string;
  /** Where the emulator is. */
  readonly url: string;
  /** False: an app that may not call others is given no key. */
  readonly privileged: boolean;
  /** The stand-in for `/data`. */
  readonly data: string;
  readonly graceMs: number;
  readonly secrets: Readonly<Record<string, string>>;
  /** What the image would have set. */
  readonly own: Readonly<Record<string, string>>;
  /** Of whoever starts the runner. */
  readonly env: Env;
}

/** What any program on this machine needs. Nothing else is handed on: one app sees neither another's secrets nor yours. */
const OF_THE_MACHINE =
  /^(PATH|HOME|USER|SHELL|LANG|LC_\w+|TZ|TMPDIR|TEMP|TMP|SystemRoot|NODE_ENV|NODE_EXTRA_CA_CERTS|NODE_COMPILE_CACHE)$/i;
/** Settings of this package: where a run is kept, above all. Where all secrets are is not an app's business. */
const OF_FAL_CHAIN = /^FAL_CHAIN_(?!SECRETS$)/;

/**
 * The environment of one runner: what fal injects (https://docs.fal.ai/documentation/development/environment-variables),
 * the app's secrets, and what its image sets. `FAL_RUNNER_STATE` is what a program finds at its start; the app writes it.
 */
export function runnerVariables(facts: RunnerFacts): Readonly<Record<string, string>> {
  const { app, jobId, url, privileged, data, secrets, own, env, graceMs } = facts;
  const id = `${app.owner}/${app.name}`;
  const { FAL_HOST } = emulatorEnv(url);
  const handedOn = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && (OF_THE_MACHINE.test(entry[0]) || OF_FAL_CHAIN.test(entry[0])),
  );
  return {
    ...Object.fromEntries(handedOn),
    NO_PROXY: "127.0.0.1,localhost,[::1],::1",
    FAL_CHAIN_DATA: data,
    FAL_CHAIN_GRACE_MS: String(graceMs),
    ...own,
    ...secrets,
    FAL_HOST,
    ...(privileged && { FAL_KEY: keyOf(app.owner) }),
    FAL_JOB_ID: jobId,
    FAL_APP_NAME: id,
    FAL_APP_ID: idOf(id),
    FAL_USER_NICKNAME: app.owner,
    FAL_REGION: "local",
    FAL_RUNNER_STATE: "SETUP",
    HF_HOME: join(data, ".cache", "huggingface"),
  };
}

/** The key of an account on the emulator, which takes any: its first half is the account's name. */
export const keyOf = (account: string): string => `${account}:not-a-secret`;

/** The same app has the same id every time. */
function idOf(id: string): string {
  const hex = createHash("sha256").update(id).digest("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}
