import { count, type OptionsOf, oneOf, record } from "../base/options.ts";

/** How long fal keeps files, and who may read them. */
export interface StorageSettings {
  /** Seconds, or a word. `never` is the same as leaving it out. @default what the account says */
  readonly expiresIn?: "never" | "immediate" | "1h" | "1d" | "7d" | "30d" | "1y" | number;
  readonly initialAcl?: {
    readonly default?: "hide" | "forbid" | "allow";
    readonly rules?: readonly { readonly user: string; readonly decision: "hide" | "forbid" | "allow" }[];
  };
}

export const LIFECYCLE: OptionsOf<StorageSettings> = {
  expiresIn: {
    what: "never, immediate, 1h, 1d, 7d, 30d, 1y, or a number of seconds",
    is: (value) =>
      oneOf(["never", "immediate", "1h", "1d", "7d", "30d", "1y"]).is(value) || count(1).is(value),
  },
  initialAcl: record,
};

const SECONDS = {
  immediate: 60,
  "1h": 3600,
  "1d": 86_400,
  "7d": 604_800,
  "30d": 2_592_000,
  "1y": 31_536_000,
};

export function expirySeconds({ expiresIn }: StorageSettings): number | undefined {
  return typeof expiresIn === "string" && expiresIn !== "never" ? SECONDS[expiresIn] : numeric(expiresIn);
}

const numeric = (value: string | number | undefined) => (typeof value === "number" ? value : undefined);

/**
 * Settings as fal's two lifecycle headers word them; undefined where they say nothing.
 *
 * Source: https://fal.ai/docs/documentation/model-apis/common-parameters
 */
export function lifecycleJson(settings: StorageSettings = {}): string | undefined {
  const seconds = expirySeconds(settings);
  const lifecycle = {
    ...(seconds !== undefined && { expiration_duration_seconds: seconds }),
    ...(settings.initialAcl && { initial_acl: settings.initialAcl }),
  };
  return Object.keys(lifecycle).length > 0 ? JSON.stringify(lifecycle) : undefined;
}
