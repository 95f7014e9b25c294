import { formatUsd } from "../money/cost.ts";
import { drawTable, type TableColumn } from "./draw-table.ts";
import { type Colour, clip, type Output, paint, printable, seconds } from "./text.ts";

/** A runner, as a line of the screen. Times in milliseconds. */
export interface RunnerLine {
  /** The key that kills it, where it has one. */
  readonly number: number;
  readonly app: string;
  readonly state: string;
  readonly forMs: number;
  /** Requests that it has, and may have, at once. */
  readonly busy: number;
  readonly most: number;
  readonly served: number;
  readonly jobId: string;
  readonly pid: number | undefined;
  /** What the calls that it made have cost. */
  readonly spentNanoUsd: number;
  /** What else there is to say, such as how the one before it ended. */
  readonly note: string;
}

/** A request to an app, as a line of the screen. */
export interface RequestLine {
  readonly requestId: string;
  readonly endpoint: string;
  readonly caller: string;
  readonly state: string;
  /** The answer's status, where there is one. */
  readonly status: number | undefined;
  readonly tries: number;
  /** The number of the runner that has it. */
  readonly runner: number | undefined;
  readonly forMs: number;
  readonly units: number | undefined;
  /** What the calls that it made have cost. */
  readonly spentNanoUsd: number;
}

/** Everything that is to be seen of apps that run at home. */
export interface HomeScreen {
  /** What it is, and how to call it. */
  readonly head: readonly string[];
  readonly runners: readonly RunnerLine[];
  /** The latest last. */
  readonly requests: readonly RequestLine[];
  /** How many requests wait. */
  readonly waiting: number;
  readonly money: string;
  /** What was written, the latest last. */
  readonly lines: readonly string[];
  /** What can be pressed. */
  readonly keys: string;
}

const COLOURS: Readonly<Record<string, Colour>> = {
  RUNNING: "green",
  SETUP: "yellow",
  DRAINING: "yellow",
  TERMINATING: "yellow",
  CRASH_BACKOFF: "red",
  IN_PROGRESS: "green",
  IN_QUEUE: "yellow",
};

/** One screen of a terminal: tables first, then as much of what was written as there is room for. */
export function drawHome(screen: HomeScreen, output: Output & { readonly rows?: number }): string {
  const colour = paint(output);
  const columns = output.columns ?? 80;
  const rows = output.rows ?? 24;
  const latest = screen.requests.slice(-Math.max(3, Math.floor((rows - screen.runners.length - 12) / 2)));
  const title = screen.waiting > 0 ? `Requests (${screen.waiting} waiting)` : "Requests";
  const above = [
    ...screen.head.map((line) => clip(line, columns)),
    "",
    ...drawTable(screen.runners, runnerColumns(output), output).split("\n"),
    "",
    ...(latest.length > 0
      ? [colour("bold", title), ...drawTable(latest, requestColumns(output), output).split("\n")]
      : [colour("dim", "No requests yet.")]),
    "",
    clip(screen.money, columns),
    "",
  ];
  const room = Math.max(0, rows - above.length - 2);
  const written = room === 0 ? [] : screen.lines.slice(-room).map((line) => clip(printable(line), columns));
  const gap = Array.from({ length: room - written.length }, () => "");
  return [
    ...above.slice(0, rows - 2),
    ...written,
    ...gap,
    "",
    colour("dim", clip(screen.keys, columns)),
  ].join("\n");
}

const usdOrNothing = (nanoUsd: number): string => (nanoUsd === 0 ? "" : formatUsd(nanoUsd));

const runnerColumns = (output: Output): TableColumn<RunnerLine>[] => [
  { name: "", align: "right", cell: ({ number }) => String(number) },
  { name: "runner of", align: "left", cell: ({ app }) => app },
  { name: "state", align: "left", cell: ({ state }) => stateText(state, output) },
  { name: "for", align: "right", cell: ({ forMs }) => seconds(forMs / 1000) },
  { name: "busy", align: "right", cell: ({ busy, most }) => `${busy}/${most}` },
  { name: "served", align: "right", cell: ({ served }) => String(served), spare: 1 },
  { name: "spent", align: "right", cell: ({ spentNanoUsd }) => usdOrNothing(spentNanoUsd) },
  { name: "job", align: "left", cell: ({ jobId }) => jobId.slice(0, 8), spare: 3 },
  { name: "pid", align: "right", cell: ({ pid }) => String(pid ?? ""), spare: 4 },
  { name: "note", align: "left", cell: ({ note }) => clip(note, 40), spare: 2 },
];

const requestColumns = (output: Output): TableColumn<RequestLine>[] => [
  // The last characters are chance; the first ones are the time.
  { name: "request", align: "left", cell: ({ requestId }) => requestId.slice(-8) },
  { name: "endpoint", align: "left", cell: ({ endpoint }) => clip(endpoint, 32) },
  { name: "caller", align: "left", cell: ({ caller }) => clip(caller, 14), spare: 1 },
  { name: "state", align: "left", cell: (line) => endText(line, output) },
  { name: "runner", align: "right", cell: ({ runner }) => String(runner ?? ""), spare: 2 },
  { name: "tries", align: "right", cell: ({ tries }) => (tries > 1 ? String(tries) : "") },
  { name: "time", align: "right", cell: ({ forMs }) => seconds(forMs / 1000) },
  { name: "units", align: "right", cell: ({ units }) => String(units ?? ""), spare: 3 },
  { name: "spent", align: "right", cell: ({ spentNanoUsd }) => usdOrNothing(spentNanoUsd) },
];

const stateText = (state: string, output: Output): string => {
  const colour = COLOURS[state];
  return colour ? paint(output)(colour, state) : state;
};

function endText({ state, status }: RequestLine, output: Output): string {
  if (status === undefined) return stateText(state, output);
  return paint(output)(status < 400 ? "green" : "red", String(status));
}
