import { dataHome } from "../environment/data-home.ts";
import { ambientEnv, type Env, type RunnerState, readEnvironment } from "../environment/environment.ts";

/** The process that fal started for an app, as its variables tell of it. Each is read, and checked, when it is asked for. */
export interface Runner {
  /** Its id, anew with each start. Undefined outside of fal, as are the next five. */
  readonly jobId: string | undefined;
  /** The app's name, `user/app`. */
  readonly app: string | undefined;
  readonly appId: string | undefined;
  /** The account that owns the app, and pays for its calls. */
  readonly owner: string | undefined;
  readonly region: string | undefined;
  /** Written by `app.serve()` and `lifecycle`; fal itself writes it in Python apps only. */
  readonly state: RunnerState | undefined;
  /** The address of fal's control plane. @default "api.fal.ai" */
  readonly host: string;
  /** Whether it is a runner of fal's, or of `fal-chain dev`. */
  readonly isOnFal: boolean;
  /**
   * The volume that all runners of the account share: `/data`; outside of fal a directory of this user. `FAL_CHAIN_DATA`
   * names another one.
   */
  readonly dataDir: string;
  /** Where Hugging Face's libraries keep models: `HF_HOME`. @default `.cache/huggingface` in `dataDir` */
  readonly cacheDir: string;
  /** Where another library is to keep what it downloads, so that the next runner has it: `<dataDir>/.cache/<library>`. */
  cacheDirFor(library: string): string;
  /** Variables that point the caches of well-known libraries and tools to the volume, for child processes. */
  cacheEnv(): Readonly<Record<string, string>>;
}

/**
 * What the variables of an environment say of the runner.
 *
 * @example const { jobId, region } = runnerOf(process.env);
 */
export function runnerOf(env: Env | (() => Env) = ambientEnv): Runner {
  const variables = typeof env === "function" ? env : () => env;
  const read = () => readEnvironment(variables());
  const under = (...parts: string[]) => [runner.dataDir, ...parts].join("/");
  const runner: Runner = {
    get jobId() {
      return read().identity.jobId;
    },
    get app() {
      return read().identity.appName;
    },
    get appId() {
      return read().identity.appId;
    },
    get owner() {
      return read().identity.userNickname;
    },
    get region() {
      return read().identity.region;
    },
    get state() {
      return read().runnerState;
    },
    get host() {
      return variables()["FAL_HOST"]?.trim() || "api.fal.ai";
    },
    get isOnFal() {
      return runner.jobId !== undefined;
    },
    get dataDir() {
      const given = variables()["FAL_CHAIN_DATA"]?.trim();
      if (given) return given;
      return runner.isOnFal ? "/data" : `${dataHome(variables()) ?? "."}/data`;
    },
    get cacheDir() {
      return read().hfHome ?? under(".cache", "huggingface");
    },
    cacheDirFor: (library) => under(".cache", library),
    cacheEnv: () => ({
      HF_HOME: runner.cacheDir,
      TORCH_HOME: under(".cache", "torch"),
      XDG_CACHE_HOME: under(".cache"),
      PLAYWRIGHT_BROWSERS_PATH: under(".cache", "ms-playwright"),
      PUPPETEER_CACHE_DIR: under(".cache", "puppeteer"),
    }),
  };
  return runner;
}

/** The runner that this process is. */
export const runner: Runner = runnerOf();
