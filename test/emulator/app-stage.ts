import { type App, inProcess, type StartRunner } from "../../src/emulator/index.ts";
import { type Stage, stage } from "../support/stage.ts";

export const APP = "id/poster";

/** What a runner was given. */
export interface Given {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
  /** The runner's number, counted over all starts. */
  readonly runner: number;
}

export interface AppStage extends Stage {
  /** Everything that reached a runner, oldest first. */
  readonly given: readonly Given[];
  /** Waits until something holds. */
  until(holds: () => boolean): Promise<void>;
}

/** An emulator with one app, whose runners are functions. `id` is its owner, and who calls. */
export function appStage(
  handler: (request: Request, runner: number, stage: AppStage) => Response | Promise<Response>,
  { start, ...options }: Partial<Omit<App, "id">> = {},
): AppStage {
  const given: Given[] = [];
  let starts = 0;
  const usual: StartRunner = (told) => {
    const runner = ++starts;
    return inProcess(async (request) => {
      const { method, url, headers } = request;
      const { pathname, search } = new URL(url);
      given.push({ method, path: pathname + search, headers, body: await request.clone().text(), runner });
      return handler(request, runner, made);
    })(told);
  };
  const apps = [{ id: APP, start: start ?? usual, terminationGraceMs: 0, ...options }];
  const base = stage({ models: [], apps });
  const until = async (holds: () => boolean) => {
    while (!holds()) await base.clock.sleep(10);
  };
  const made: AppStage = { ...base, given, until };
  return made;
}
