import { createRequire } from "node:module";
import { createEmulator, type Emulator, FAL_HOSTS } from "../emulator/index.ts";
import { InvalidArgumentError } from "../errors/arguments.ts";

/** What `setupServer` of msw takes. As loose as this, since whoever has no msw could not read a type of it. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type MswHandler = any;

/**
 * Handlers of Mock Service Worker that answer for all of fal's hosts, by an emulator: for tests of programs that make their
 * own client, or use another one than this. The client needs a key, and any will do.
 *
 * @param emulator @default one whose models take no time
 * @throws {InvalidArgumentError} where msw is not installed.
 *
 * @example
 * const emulator = createEmulator({ timeScale: 0 });
 * const server = setupServer(...falHandlers(emulator));
 */
export function falHandlers(emulator: Emulator = createEmulator({ timeScale: 0 })): MswHandler[] {
  const { http } = installedMsw();
  return FAL_HOSTS.map((host) => http.all(`https://${host}/*`, ({ request }) => emulator.fetch(request)));
}

/** Only here, so that everybody else does without. */
function installedMsw(): typeof import("msw") {
  try {
    return createRequire(import.meta.url)("msw") as typeof import("msw");
  } catch (cause) {
    throw new InvalidArgumentError("falHandlers needs Mock Service Worker: npm install --save-dev msw.", {
      cause,
    });
  }
}
