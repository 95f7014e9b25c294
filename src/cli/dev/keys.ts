import type { Home } from "../../runners/home.ts";
import { runnersOf } from "./view.ts";

/** A terminal's keyboard, where there is one. */
interface Keyboard {
  readonly isTTY?: boolean;
  setRawMode?(on: boolean): unknown;
  on(event: "data", listener: (data: string | Uint8Array) => void): unknown;
  off(event: "data", listener: (data: string | Uint8Array) => void): unknown;
  pause(): unknown;
}

export interface Pressed {
  readonly home: Home;
  tell(line: string): void;
  quit(): void;
}

/** Does what a key asks for. */
function press(key: string, { home, tell, quit }: Pressed): void {
  if (key === "q" || key === "\u0003") quit();
  if (key === "r") {
    tell("all runners are started anew");
    for (const app of home.apps) home.emulator.fleets.get(app)?.restart();
  }
  const runner = /^[1-9]$/.test(key) ? runnersOf(home)[Number(key) - 1] : undefined;
  if (!runner) return;
  const killed = home.emulator.fleets.get(runner.app)?.kill(runner.place);
  tell(
    killed
      ? `runner ${runner.number} of ${runner.app} is killed`
      : `runner ${runner.number} is not there to be killed`,
  );
}

/** Listens to a terminal's keys, one by one. @returns what ends that. */
export function listenToKeys(stdin: unknown, pressed: Pressed): () => void {
  const keyboard = stdin as Keyboard;
  if (!keyboard.isTTY || !keyboard.setRawMode) return () => {};
  const listener = (data: string | Uint8Array) => {
    for (const key of typeof data === "string" ? data : new TextDecoder().decode(data)) press(key, pressed);
  };
  keyboard.setRawMode(true);
  keyboard.on("data", listener);
  return () => {
    keyboard.off("data", listener);
    keyboard.setRawMode?.(false);
    keyboard.pause();
  };
}
