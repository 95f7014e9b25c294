import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Command } from "commander";
import { DELIBERATE_MS } from "../../base/signal.ts";
import { dataHome } from "../../environment/data-home.ts";
import type { Home } from "../../runners/home.ts";
import { EXIT } from "../../terminal/exit-code.ts";
import { logText } from "../../terminal/log-text.ts";
import type { Cli, Io } from "../cli.ts";
import { type DevOptions, type DevSettings, number, settingsOf } from "../dev/settings.ts";
import { createTold, isScreen, type Told } from "../dev/told.ts";
import { collect } from "../options.ts";

const HELP = `
It is fal at home: an emulator of the platform, and runners of the apps as
processes of this machine. fal's own "fal dev" runs an app on fal's machines.

A file is an app by its own name, or its folder's where it is app, index, main
or server; NAME=FILE names it. Others call it as OWNER/NAME, other apps too.

Examples:
  fal-chain dev app.ts
  fal-chain dev ads=ads/app.ts router.ts --runners 2
  fal-chain dev app.ts --env staging --no-privileged
  fal-chain dev app.ts --retry-config server_error=3,timeout=0
  fal-chain dev --build-check app.ts
`;

export function addDev(program: Command, cli: Cli): void {
  program
    .command("dev")
    .summary("Runs apps at home, as fal would run them.")
    .description("Runs apps at home, as fal would run them. Nothing is paid.")
    .argument("<app...>", "the program of an app: FILE or NAME=FILE")
    .option("--runners <n>", "runners of each app (default: 1)")
    .option("--max-multiplexing <n>", "requests that a runner has at once (default: 1)")
    .option("--request-timeout <s>", "seconds that an answer may take (default: 3600)")
    .option("--startup-timeout <s>", "seconds until the port has to be open (default: 600)")
    .option("--grace <s>", "seconds from SIGTERM to SIGKILL (default: 5)")
    .option("--retry-config <list>", "how often a request is tried again: server_error=3,timeout=0")
    .option("--skip-retry <condition>", "server_error, timeout or connection_error; may be repeated", collect)
    .option("--exposed-port <n>", "where the app listens (default: 8080)")
    .option("--unit-price <usd>", "what a billable unit of an app costs (default: 0)")
    .option("--default-units <n>", "units of an answer that names none (default: 1)")
    .option("--env <name>", "an environment other than main: its own apps and secrets")
    .option("--owner <name>", "whose apps they are (default: FAL_USER_NICKNAME, else me)")
    .option("--no-privileged", "the apps are given no FAL_KEY")
    .option("--no-watch", "do not start an app anew when its files change")
    .option("--data <directory>", "the stand-in for /data (default: .fal-chain/data)")
    .option("--variable <NAME=VALUE>", "a variable that the image would set; may be repeated", collect)
    .option("--port <n>", "of the emulator (default: 8787)")
    .option("--seed <n>", "makes request ids and pictures repeatable")
    .option("--concurrency <n>", "requests to models that run at once (default: 2)")
    .option("--time-scale <share>", "how long models and waiting take, as a share of the usual (default: 1)")
    .option("--forget", "begin without the requests of earlier starts")
    .option("--build-check", "only import the apps, without any variable, as while an image is built")
    .addHelpText("after", HELP)
    .action(async (words: string[], options: DevOptions) => {
      const { io } = cli;
      const settings = settingsOf(words, options, io);
      cli.exitCode = await (options.buildCheck ? checkBuilds(settings, io) : dev(settings, options, io));
    });
}

async function dev(settings: DevSettings, options: DevOptions, io: Io): Promise<number> {
  const { showHome } = await import("../dev/screen.ts");
  const { listenToKeys } = await import("../dev/keys.ts");
  const stopping = new AbortController();
  const told = createTold();
  const home = await start(settings, options, io, told);
  let since = Number.NaN;
  const quit = () => {
    // Whoever asks twice does not want to wait for anybody.
    if (performance.now() - since >= DELIBERATE_MS) process.exit(EXIT.interrupted);
    if (stopping.signal.aborted) return;
    since = performance.now();
    stopping.abort();
  };
  process.on("SIGINT", quit).on("SIGTERM", quit).on("SIGHUP", quit);
  const release = listenToKeys(io.stdin, { home, quit, tell: told.tell });
  try {
    await showHome(home, settings, { io, signal: stopping.signal, told });
  } finally {
    await home.close();
    release();
    process.off("SIGINT", quit).off("SIGTERM", quit).off("SIGHUP", quit);
  }
  return EXIT.ok;
}

async function start(settings: DevSettings, options: DevOptions, io: Io, told: Told): Promise<Home> {
  const { serveAtHome } = await import("../../runners/home.ts");
  const { inEnvironment } = await import("../../runners/name.ts");
  const { apps, owner, environment, data, variables, port } = settings;
  // As the runners are numbered on the screen.
  const before = new Map<string, number>();
  let runners = 0;
  for (const { name, settings: own } of apps) {
    before.set(`${owner}/${inEnvironment(name, environment)}`, runners);
    runners += own?.runners ?? 1;
  }
  const seed = number("--seed", options.seed, { whole: true });
  const concurrency = number("--concurrency", options.concurrency, { whole: true });
  const timeScale = number("--time-scale", options.timeScale);
  const directory = port === 0 ? undefined : directoryOf(io);
  return serveAtHome({
    ...{ apps, owner, environment, data, variables, cwd: io.cwd(), env: io.env },
    privileged: options.privileged,
    watch: options.watch,
    onChange: (app, files) => told.tell(`${app} starts anew: ${files.join(", ")}`),
    emulator: {
      port,
      onLine(text, { app, place }) {
        const number = (before.get(app) ?? 0) + place;
        told.tell(`${number} ${app} │ ${isScreen(io) ? logText(text) : text}`);
      },
      ...(directory !== undefined && { directory, forget: options.forget ?? false }),
      ...(seed !== undefined && { seed }),
      ...(concurrency !== undefined && { concurrency }),
      ...(timeScale !== undefined && { timeScale }),
    },
  });
}

/** Where the queue is kept, so that a program which is stopped in the middle of its runs finds them again. */
function directoryOf({ env, cwd }: Io): string | undefined {
  const home = dataHome(env);
  const name = createHash("sha256").update(cwd()).digest("hex").slice(0, 16);
  return home && join(home, "emulator", `dev-${name}`);
}

async function checkBuilds({ apps }: DevSettings, { stdout, stderr, cwd }: Io): Promise<number> {
  const { buildCheck } = await import("../../runners/build-check.ts");
  const checks = await Promise.all(
    apps.map(async ({ name, file }) => ({ name, ...(await buildCheck(file, { cwd: cwd() })) })),
  );
  for (const { name, passed, reads, output } of checks) {
    if (passed && reads.length === 0) stdout.write(`${name}: can be imported without any variable.\n`);
    else if (passed) {
      stderr.write(
        `${name}: is imported, but reads ${reads.join(", ")} meanwhile. They are not there while an image is built: ` +
          "read them when the app is set up, or a request comes.\n",
      );
    } else stderr.write(`${name}: cannot be imported as it is while an image is built.\n${output}\n`);
  }
  return checks.every(({ passed, reads }) => passed && reads.length === 0) ? EXIT.ok : EXIT.usage;
}
