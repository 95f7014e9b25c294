import * as z from "zod/mini";
import { EnvironmentError } from "../errors/environment.ts";
import { looksLikeKey, withoutParts } from "../errors/secrets.ts";
import { FalKey, MISSING_KEY } from "./credentials.ts";
import { deriveOrigins, type Origins } from "./origins.ts";

/** What a process environment looks like; pass your own to read from elsewhere. */
export type Env = Readonly<Record<string, string | undefined>>;

export type RunnerState = "SETUP" | "RUNNING" | "TERMINATING";

/** Who is calling: what the platform says of the runner. All of it is absent outside a runner. */
export interface Identity {
  readonly jobId: string | undefined;
  readonly appName: string | undefined;
  readonly appId: string | undefined;
  readonly userNickname: string | undefined;
  readonly region: string | undefined;
}

/** The platform's variables, each read and checked when it is asked for, so that a bad one stops only who needs it. */
export interface Environment {
  readonly key: FalKey;
  readonly origins: Origins;
  readonly identity: Identity;
  readonly runnerState: RunnerState | undefined;
  readonly hfHome: string | undefined;
}

const text = z.string().check(z.regex(/^[^\p{Cc}]+$/u, "holds control characters"));

/** One schema for the variables that fal injects: https://docs.fal.ai/documentation/development/environment-variables */
const Variables = {
  FAL_KEY: z.string(),
  FAL_KEY_ID: z.string(),
  FAL_KEY_SECRET: z.string(),
  FAL_HOST: text,
  FAL_RUN_HOST: text,
  FAL_QUEUE_RUN_HOST: text,
  FAL_REST_HOST: text,
  FAL_JOB_ID: text,
  FAL_APP_NAME: text,
  FAL_APP_ID: text,
  FAL_USER_NICKNAME: text,
  FAL_REGION: text,
  FAL_RUNNER_STATE: z.enum(["SETUP", "RUNNING", "TERMINATING"], "is not SETUP, RUNNING or TERMINATING"),
  HF_HOME: text.check(z.regex(/^(\/|[A-Za-z]:[\\/])/, "is not an absolute path")),
} as const;

type Variable = keyof typeof Variables;

const CURES: Partial<Record<Variable, string>> = {
  FAL_RUNNER_STATE: "The platform writes it; leave it unset outside a runner.",
  HF_HOME: "On fal it is /data/.cache/huggingface; give an absolute path or leave it unset.",
};

/**
 * Reads the platform's variables from `env`. Nothing is read or checked until a property is asked for, so an import or
 * a client made while an image is built is safe. Empty values count as unset.
 */
export function readEnvironment(
  env: Env = ambientEnv(),
  options: { credentials?: string | undefined; allowHttp?: boolean } = {},
): Environment {
  const get = <V extends Variable>(name: V) => readVariable(env, name);
  return {
    get key() {
      return readKey(env, options.credentials);
    },
    get origins() {
      return deriveOrigins(
        {
          FAL_HOST: get("FAL_HOST"),
          FAL_RUN_HOST: get("FAL_RUN_HOST"),
          FAL_QUEUE_RUN_HOST: get("FAL_QUEUE_RUN_HOST"),
          FAL_REST_HOST: get("FAL_REST_HOST"),
        },
        options,
      );
    },
    get identity() {
      return {
        jobId: get("FAL_JOB_ID"),
        appName: get("FAL_APP_NAME"),
        appId: get("FAL_APP_ID"),
        userNickname: get("FAL_USER_NICKNAME"),
        region: get("FAL_REGION"),
      };
    },
    get runnerState() {
      return get("FAL_RUNNER_STATE");
    },
    get hfHome() {
      return get("HF_HOME");
    },
  };
}

/** `process.env` where there is a process, else nothing. */
export const ambientEnv = (): Env => (typeof process === "object" ? process.env : {});

/** @throws {EnvironmentError} when the variable is set to something unusable. */
function readVariable<V extends Variable>(env: Env, name: V): z.output<(typeof Variables)[V]> | undefined {
  const raw = env[name]?.trim();
  if (!raw) return undefined;
  const { FAL_KEY: key = "", FAL_KEY_SECRET: secret = "" } = env;
  // Its first half is no secret, and may be the account's name.
  if (looksLikeKey(raw) || withoutParts(raw, `${key.slice(key.indexOf(":") + 1)} ${secret}`) !== raw) {
    throw new EnvironmentError(
      "invalid_variable",
      name,
      "holds a key",
      "A key belongs in FAL_KEY only. Correct it or leave it unset.",
    );
  }
  const parsed = z.safeParse(Variables[name], raw);
  if (parsed.success) return parsed.data as z.output<(typeof Variables)[V]>;
  const problem = parsed.error.issues[0]?.message ?? "is not usable";
  throw new EnvironmentError(
    "invalid_variable",
    name,
    problem,
    CURES[name] ?? "Correct it or leave it unset.",
  );
}

function readKey(env: Env, credentials: string | undefined): FalKey {
  if (credentials !== undefined) return FalKey.parse(credentials);
  const key = env["FAL_KEY"]?.trim();
  if (key) return FalKey.parse(key, "FAL_KEY");

  const id = env["FAL_KEY_ID"]?.trim();
  const secret = env["FAL_KEY_SECRET"]?.trim();
  if (id && secret) return FalKey.parse(`${id}:${secret}`, "FAL_KEY_ID + FAL_KEY_SECRET");
  if (id || secret) {
    const [missing, present] = id ? ["FAL_KEY_SECRET", "FAL_KEY_ID"] : ["FAL_KEY_ID", "FAL_KEY_SECRET"];
    throw new EnvironmentError(
      "missing_variable",
      missing,
      `is not set, although ${present} is`,
      "Set both halves, or FAL_KEY=key_id:key_secret.",
    );
  }
  throw new EnvironmentError("missing_variable", "FAL_KEY", MISSING_KEY.problem, MISSING_KEY.cure);
}

/** What `inspectEnvironment` says of one variable. `shown` is safe to print. */
export interface Finding {
  readonly variable: string;
  readonly state: "set" | "default" | "unset" | "invalid";
  readonly shown: string;
  readonly problem?: string;
}

/** Every variable that matters, whether it is set, and what is wrong with it. Holds no secret. */
export function inspectEnvironment(env: Env = ambientEnv()): {
  findings: readonly Finding[];
  origins: Origins | undefined;
  /** Whether a call could be made: there is a key, and there is somewhere to send it. */
  ready: boolean;
} {
  const environment = readEnvironment(env);
  const [key, keyError] = attempt(() => environment.key);
  const [origins, originsError] = attempt(() => environment.origins);

  const findings = (Object.keys(Variables) as Variable[]).map((variable): Finding => {
    const isSet = Boolean(env[variable]?.trim());
    if (variable.startsWith("FAL_KEY")) {
      // An error may be about a half of the pair, or about both: it is told at the variable that it names.
      if (keyError?.variable.split(" + ").includes(variable)) {
        return { variable, state: isSet ? "invalid" : "unset", shown: "", problem: keyError.message };
      }
      if (!isSet) return { variable, state: "unset", shown: "" };
      const used = key?.source.split(" + ").includes(variable);
      return { variable, state: "set", shown: used ? (key?.redacted() ?? "…") : "… (not used)" };
    }
    const [value, error] = attempt(() => readVariable(env, variable));
    const problem = error ?? (originsError?.variable === variable ? originsError : undefined);
    if (problem) return { variable, state: "invalid", shown: "", problem: problem.message };
    return { variable, state: isSet ? "set" : "unset", shown: value ?? "" };
  });

  return { findings, origins, ready: key !== undefined && origins !== undefined };
}

function attempt<T>(read: () => T): [T, undefined] | [undefined, EnvironmentError] {
  try {
    return [read(), undefined];
  } catch (error) {
    if (error instanceof EnvironmentError) return [undefined, error];
    throw error;
  }
}
