import { join } from "node:path";
import { type App, type Emulator, type ServeOptions, serveEmulator } from "../emulator/index.ts";
import type { Env } from "../environment/environment.ts";
import { secretsFor } from "../secrets/secrets.ts";
import { inEnvironment, type NamedFile } from "./name.ts";
import { createReaper } from "./reaper.ts";
import { runnerProcess } from "./runner-process.ts";
import { watchFiles } from "./watch.ts";

/** An app to be run at home. */
export interface HomeApp extends NamedFile {
  /** As in its table of `pyproject.toml`. */
  readonly settings?: Omit<App, "id" | "start">;
  /** Where it listens. @default 8080 */
  readonly exposedPort?: number;
  /** The names of its secrets. @default those that are exposed by default */
  readonly secrets?: readonly string[];
}

export interface HomeOptions {
  readonly apps: readonly HomeApp[];
  /** Whose apps they are: the account that pays for what they call. */
  readonly owner: string;
  /** @default "main" */
  readonly environment?: string;
  /** False: the apps are given no key. @default true */
  readonly privileged?: boolean;
  /** The stand-in for `/data`, which all runners share. */
  readonly data: string;
  /** Variables of every runner, as an image would set them. @default none */
  readonly variables?: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly env: Env;
  /** Options of Node for the runners. @default those of this process */
  readonly execArgv?: readonly string[];
  /** Starts apps anew when a file that they have loaded changes. @default true */
  readonly watch?: boolean;
  /** Of the emulator. */
  readonly emulator?: Omit<ServeOptions, "apps">;
  /** An app is started anew, since these files have changed. */
  readonly onChange?: (app: string, files: readonly string[]) => void;
}

/** Apps on runners of their own, with an emulator in front of them. */
export interface Home {
  readonly url: string;
  readonly emulator: Emulator;
  /** Ids of the apps: `owner/name`. */
  readonly apps: readonly string[];
  /** Ends the runners as fal does, then the emulator. */
  close(): Promise<void>;
}

/** @throws {ListenError} where the emulator cannot be started. @throws {StoreError} where the secrets cannot be read. */
export async function serveAtHome(options: HomeOptions): Promise<Home> {
  const loaded = new Map<string, Set<string>>();
  const { watch = true, environment = "main", owner } = options;
  const reaper = createReaper();
  const watched = watch ? watchFiles((files) => restart(files)) : undefined;
  const apps = options.apps.map((app): App => {
    const id = `${owner}/${inEnvironment(app.name, environment)}`;
    const module = (path: string) => {
      loaded.set(path, (loaded.get(path) ?? new Set()).add(id));
      watched?.add(path);
    };
    module(app.file);
    return { ...app.settings, id, start: runnerProcess({ ...processOf(app, options), module, reaper }) };
  });
  const { url, emulator, close } = await serveEmulator({ ...options.emulator, apps });

  function restart(files: readonly string[]): void {
    for (const id of new Set(files.flatMap((file) => [...(loaded.get(file) ?? [])]))) {
      options.onChange?.(id, files);
      emulator.fleets.get(id)?.restart();
    }
  }

  return {
    url,
    emulator,
    apps: apps.map(({ id }) => id),
    async close() {
      watched?.close();
      await close();
      reaper.close();
    },
  };
}

function processOf(app: HomeApp, options: HomeOptions) {
  const {
    owner,
    environment = "main",
    privileged = true,
    data,
    variables = {},
    cwd,
    env,
    execArgv,
  } = options;
  const secrets = () => secretsFor(env, { environment, names: app.secrets });
  secrets(); // what is wrong with them is said before anything is started
  return {
    ...{ file: app.file, cwd, secrets, data, privileged },
    app: { owner, name: inEnvironment(app.name, environment) },
    own: { ...ofTheProject(cwd), ...givenIn(env), ...variables },
    env,
    exposedPort: app.exposedPort ?? 8080,
    graceMs: app.settings?.terminationGraceMs ?? 5_000,
    ...(execArgv && { execArgv }),
  };
}

/** Where runs are kept, so that the command has the bill of all apps, and what Node has compiled, so that a start takes half. */
const ofTheProject = (cwd: string) => ({
  FAL_CHAIN_STORE: `sqlite:${join(cwd, ".fal-chain", "store.db")}`,
  NODE_COMPILE_CACHE: join(cwd, ".fal-chain", "compiled"),
});

/** The same where somebody says otherwise. */
const givenIn = (env: Env): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.keys(ofTheProject("")).flatMap((name) => {
      const value = env[name]?.trim();
      return value ? [[name, value]] : [];
    }),
  );
