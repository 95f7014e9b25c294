import {
  createEmulator,
  type Emulator,
  type EmulatorOptions,
  type VirtualClock,
  virtualClock,
} from "../emulator/index.ts";
import { createFal, type Fal, type FalOptions, memoryStore, type Store } from "../index.ts";
import { mortal } from "./mortal.ts";

export interface TestFalOptions extends Omit<FalOptions, "clock" | "fetch" | "store"> {
  /** Of the emulator: which models there are, how many requests run at once, and so on. */
  readonly emulator?: Omit<EmulatorOptions, "clock">;
  /** Where calls and runs are noted. It outlives a crash. @default one in memory */
  readonly store?: Store;
}

/** A client and a fal platform of its own, in this process, over a clock that does not make a test wait. */
export interface TestFal extends AsyncDisposable {
  readonly fal: Fal;
  readonly emulator: Emulator;
  readonly clock: VirtualClock;
  /**
   * What the client was made with: a program that uses the package's own `fal` is pointed at the emulator with
   * `fal.config(options)`.
   */
  readonly options: FalOptions;
  /**
   * Ends the client as SIGKILL ends a process: nothing that it still does reaches fal or the store.
   *
   * @returns the client of the next process, over the same store. `fal` is that one from now on.
   */
  crash(): Fal;
  /**
   * Closes both. @throws {Error} where a scripted fault never happened: what was tested with it is not.
   */
  close(): Promise<void>;
}

const KEY = "test-key:not-a-secret";

/**
 * Makes a client for tests, and the fal that it calls. Minutes take milliseconds, ids and chance repeat, and nothing is
 * paid. Use one for each test: they share nothing, so tests can run at the same time.
 *
 * @example
 * await using test = testFal();
 * const { data } = await test.fal.subscribe("fal-ai/flux/schnell", { input: { prompt: "a fox" } });
 * test.emulator.expectBilledOnce();
 */
export function testFal(options: TestFalOptions = {}): TestFal {
  const { emulator: emulated, store, env, ...rest } = options;
  const clock = virtualClock();
  const emulator = createEmulator({ ...emulated, clock });
  const kept: Store = store ?? { ...memoryStore({ clock }), name: "of this test", durable: true };
  const clients: Fal[] = [];
  const start = () => {
    const { kill, ...reached } = mortal(kept, emulator.fetch, rest.logger);
    const given: FalOptions = {
      ...{ random: () => 0.5, webSocket: emulator.WebSocket, ...rest, ...reached, clock },
      env: { FAL_KEY: KEY, ...env },
    };
    const fal = createFal(given);
    clients.push(fal);
    return { fal, kill, given };
  };
  let process = start();
  const close = async () => {
    // Those that were killed have nobody left who could close them.
    await process.fal.close();
    await emulator.close();
    emulator.faults.verify();
  };
  return {
    ...{ emulator, clock, close },
    get fal() {
      return process.fal;
    },
    get options() {
      return process.given;
    },
    crash() {
      process.kill();
      process = start();
      return process.fal;
    },
    [Symbol.asyncDispose]: close,
  };
}
