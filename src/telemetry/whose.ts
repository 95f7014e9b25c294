import { type Attribution, currentAttribution } from "../attribution/context.ts";
import type { Environment } from "../environment/environment.ts";

/** On whose behalf the current code makes calls. */
export interface Whose {
  readonly attribution: Attribution;
  readonly jobId: string | undefined;
  readonly app: string | undefined;
}

/** @throws {EnvironmentError} for a variable that is unusable. */
export function whoseNow({ identity }: Environment): Whose {
  return { attribution: currentAttribution(), jobId: identity.jobId, app: identity.appName };
}
