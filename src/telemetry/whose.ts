import { currentAttribution } from "../attribution/context.ts";
import { currentRun } from "../calls/enclosing-run.ts";
import type { Environment } from "../environment/environment.ts";

/** On whose behalf the current code makes calls. */
export interface Whose {
  readonly request: string | undefined;
  readonly chain: string | undefined;
  readonly run: string | undefined;
  readonly jobId: string | undefined;
  readonly app: string | undefined;
}

/** @throws {EnvironmentError} for a variable that is unusable. */
export function whoseNow({ identity }: Environment): Whose {
  const { chain, run } = currentRun()?.of ?? {};
  return { request: currentAttribution().request, chain, run, jobId: identity.jobId, app: identity.appName };
}
