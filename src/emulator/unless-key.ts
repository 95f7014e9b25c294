import { type EmulatorServer, serveEmulator } from "./serve.ts";

/** What a client of an emulator needs to know. The key is no secret: the emulator takes any. */
export const emulatorEnv = (url: string) => ({ FAL_HOST: url, FAL_KEY: "emulator:not-a-secret" });

/** What would send a call elsewhere than to an emulator, or with another key: https://fal.ai's own SDKs read these too. */
const ELSEWHERE = /^FAL_(\w+_)?HOST$|^FAL_KEY/;
/** Some runtimes send every request through a proxy, and those to this machine too. */
const NOT_THROUGH_PROXY = ["127.0.0.1", "localhost", "[::1]", "::1"];

/** An environment whose programs reach this emulator, and by no other variable fal. */
export function emulatedEnv(
  env: Readonly<Record<string, string | undefined>>,
  url: string,
): Readonly<Record<string, string | undefined>> {
  const rest = Object.entries(env).filter(([name]) => !ELSEWHERE.test(name));
  const direct = ["NO_PROXY", "no_proxy"].map((name) => {
    const known = env[name]?.split(",").map((host) => host.trim()) ?? [];
    return [name, [...new Set([...known.filter(Boolean), ...NOT_THROUGH_PROXY])].join(",")];
  });
  return { ...Object.fromEntries(rest), ...Object.fromEntries(direct), ...emulatorEnv(url) };
}

/**
 * For programs that should run anywhere: `env` as it is where it says how to reach fal; else an emulator is started,
 * and the environment points at it.
 */
export async function emulatorUnlessKey(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<{
  env: Readonly<Record<string, string | undefined>>;
  emulator: EmulatorServer | undefined;
  close(): Promise<void>;
}> {
  if (saysHowToReachFal(env)) return { env, emulator: undefined, close: async () => {} };
  const emulator = await serveEmulator();
  return { env: emulatedEnv(env, emulator.url), emulator, close: emulator.close };
}

export const saysHowToReachFal = (env: Readonly<Record<string, string | undefined>>): boolean =>
  ["FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET", "FAL_HOST"].some((name) => env[name]?.trim());
