import { type EmulatorServer, serveEmulator } from "./serve.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** What a client of an emulator needs to know. The key is no secret: the emulator takes any. */
export const emulatorEnv = (url: string) => ({ FAL_HOST: url, FAL_KEY: "emulator:not-a-secret" });

/**
 * For programs that should run anywhere: `env` as it is where it says how to reach fal; else an emulator is started,
 * and the environment points at it.
 */
export async function emulatorUnlessKey(
  env: Env = process.env,
): Promise<{ env: Env; emulator: EmulatorServer | undefined; close(): Promise<void> }> {
  if (saysHowToReachFal(env)) return { env, emulator: undefined, close: async () => {} };
  const emulator = await serveEmulator();
  return { env: { ...env, ...emulatorEnv(emulator.url) }, emulator, close: emulator.close };
}

export const saysHowToReachFal = (env: Env): boolean =>
  ["FAL_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET", "FAL_HOST"].some((name) => env[name]?.trim());
