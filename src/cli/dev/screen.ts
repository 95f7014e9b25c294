import type { Home } from "../../runners/home.ts";
import { drawHome } from "../../terminal/home-screen.ts";
import { printable } from "../../terminal/text.ts";
import type { Io } from "../cli.ts";
import { readSpent } from "./bill.ts";
import { changesBetween, type Sight } from "./changes.ts";
import type { DevSettings } from "./settings.ts";
import { isScreen, type Told } from "./told.ts";
import { headOf, moneyText, requestLine, requestsOf, runnerLine, runnersOf } from "./view.ts";

const LOOK_EVERY_MS = 200;
const KEYS = "1-9 kill that runner   r start all runners anew   q quit";

/** Shows what there is until the signal aborts: one screen in a terminal, else a line for each thing that happens. */
export async function showHome(
  home: Home,
  settings: DevSettings,
  { io, signal, told }: { readonly io: Io; readonly signal: AbortSignal; readonly told: Told },
): Promise<void> {
  const { stdout } = io;
  const onScreen = isScreen(io);
  if (!onScreen) stdout.write(`${headOf(home, settings).join("\n")}\n`);
  told.follow(onScreen ? () => {} : (line) => stdout.write(`${printable(line)}\n`));
  if (onScreen) stdout.write(OPEN);
  let before: Sight = { runners: [], requests: requestsOf(home) };
  try {
    while (!signal.aborted) {
      const sight = { runners: runnersOf(home), requests: requestsOf(home) };
      for (const line of changesBetween(before, sight)) told.tell(line);
      before = sight;
      if (onScreen) stdout.write(FRAME(await frame(home, settings, sight, told.lines, io)));
      await pause(LOOK_EVERY_MS, signal);
    }
  } finally {
    if (onScreen) stdout.write(CLOSE);
    stdout.write(`${moneyText(home, await readSpent(home, settings.owner), settings)}\n`);
  }
}

/** Another screen of the terminal, without a cursor, so that what was there before is there again afterwards. */
const OPEN = "\u001b[?1049h\u001b[?25l";
const CLOSE = "\u001b[?25h\u001b[?1049l";
const FRAME = (text: string): string => `\u001b[H${text.replaceAll("\n", "\u001b[K\n")}\u001b[K\u001b[J`;

async function frame(
  home: Home,
  settings: DevSettings,
  { runners, requests }: Sight,
  lines: readonly string[],
  { stdout }: Io,
): Promise<string> {
  const spent = await readSpent(home, settings.owner);
  const now = Date.now();
  const screen = {
    head: headOf(home, settings),
    runners: runners.map((runner) => runnerLine(runner, spent, { settings, now })),
    requests: requests.map((job) => requestLine(job, runners, spent, now)),
    waiting: requests.filter(({ state }) => state === "IN_QUEUE").length,
    money: moneyText(home, spent, settings),
    lines,
    keys: KEYS,
  };
  return drawHome(screen, stdout);
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    }
  });
