import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { birefnet, emulatorEnv, esrgan, fluxSchnell, type Model, serveEmulator } from "fal-chain/emulator";
import { echo } from "./models.ts";
import { Screen } from "./screen.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** The emulator's pace, so that nobody waits long for a runner: what takes a second takes a tenth. */
const PACE = 0.1;

/** A stand-in that takes no time. */
const quick = <I>(model: Model<I>, change = (input: I): I => input): Model<I> => ({
  ...model,
  takes: [0.2, 0.2],
  run: (input, context) => model.run(change(input), context),
});

/** Runs until it is cancelled. */
const endless = echo({ id: "acme/endless", seconds: 36_000 });

/** An emulator on a port, whose models take no time, and what a client of it needs in its environment. */
export async function emulated(...more: Model[]) {
  const models: Model[] = [
    quick(fluxSchnell, (input) => ({ ...input, image_size: { width: 64, height: 64 } })),
    quick(esrgan),
    quick(birefnet),
    echo({ seconds: 0.2, lines: ["half way"] }),
    endless,
    ...more,
  ];
  const server = await serveEmulator({ models, concurrency: 20, timeScale: PACE });
  return { ...server, env: emulatorEnv(server.url) as Env };
}

type Main = (
  argv: readonly string[],
  io: { stdout: Screen; stderr: Screen; stdin: AsyncIterable<string>; env: Env; cwd(): string },
) => Promise<number>;

/** No test writes into the home of who runs it. */
const data = mkdtempSync(join(tmpdir(), "fal-chain-data-"));
process.on("exit", () => rmSync(data, { recursive: true, force: true }));
export const FORGETFUL = { FAL_CHAIN_STORE: "memory", XDG_DATA_HOME: data };

/** A directory that no project has. */
const NOWHERE = join("/", "nowhere");

/** Runs the command in this process. */
export async function command(
  main: Main,
  argv: readonly string[],
  {
    env = {},
    stdin = "",
    isTTY = false,
    cwd = NOWHERE,
  }: { env?: Env; stdin?: string; isTTY?: boolean; cwd?: string } = {},
) {
  const io = {
    stdout: new Screen(),
    stderr: new Screen({ isTTY }),
    env: { ...FORGETFUL, ...env },
    cwd: () => cwd,
    stdin: (async function* () {
      yield stdin;
    })(),
  };
  const code = await main(argv, io);
  return { code, stdout: io.stdout.written, stderr: isTTY ? io.stderr.text : io.stderr.written };
}
