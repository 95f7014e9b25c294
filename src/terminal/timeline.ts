import type { RunStep } from "../chain/steps.ts";
import { totalOf } from "../money/cost.ts";
import { type Axis, type Span, timeAxis } from "../report/time-axis.ts";
import { costText, totalText } from "./figures.ts";
import { type Align, alignedLines } from "./grid.ts";
import { clip, columnsOf, nameText, type Output, paint, printable, seconds, wrap } from "./text.ts";

export interface TimelineOptions {
  readonly output: Output;
  /** Until when what has not ended is drawn, in milliseconds since the epoch; undefined where no process executes the run. */
  readonly now: number | undefined;
}

interface Row {
  readonly step: RunStep;
  readonly cells: Readonly<Record<ColumnName, string>>;
  readonly wait: Span | undefined;
  readonly run: Span | undefined;
}

type ColumnName = "step" | "endpoint" | "state" | "wait" | "run" | "cost";

const ALIGNS: Readonly<Record<ColumnName, Align>> = {
  step: "left",
  endpoint: "left",
  state: "left",
  wait: "right",
  run: "right",
  cost: "right",
};

/** The columns beside the bars, and how much room those want; the last with the bars on lines of their own. */
const LAYOUTS: readonly { columns: readonly ColumnName[]; bars: number }[] = [
  { columns: ["step", "endpoint", "state", "wait", "run", "cost"], bars: 30 },
  { columns: ["step", "state", "wait", "run", "cost"], bars: 16 },
  { columns: ["step", "state", "cost"], bars: 14 },
  { columns: ["step", "state", "cost"], bars: 0 },
];
const WIDEST_BARS = 60;
const LONGEST_NAME = 32;

/**
 * What a run did and when: a line for each call and step, with bars on a common axis for how long it waited and ran, and
 * the money. Pauses in which nothing happened are left out of the axis, and said below.
 */
export function timeline(steps: readonly RunStep[], options: TimelineOptions): string {
  const { output, now } = options;
  const total = totalText(totalOf(steps.flatMap(({ call }) => call?.cost ?? [])));
  const width = output.columns ?? 80;
  const rows = steps.map((step) => rowOf(step, now));
  const { columns, bars } = layoutFor(rows, width, total);
  const beside = bars > 0;
  const room = beside ? bars : Math.max(10, Math.min(WIDEST_BARS, width - 2));
  const axis = timeAxis(
    rows.flatMap(({ wait, run }) => [wait, run].filter((span) => span !== undefined)),
    room,
  );

  const colour = paint(output);
  const drawn = rows.map((row) => bar(row, axis, room, output));
  const named = columns.filter((name) => rows.some(({ cells }) => cells[name] !== "") || name === "cost");
  const names = [...named.slice(0, -1), ...(beside ? ["bars" as const] : []), "cost" as const];
  const lines = alignedLines(
    [
      names.map((name) => (name === "bars" ? scale(axis, room) : name)),
      ...rows.map(({ cells }, nth) =>
        names.map((name) => (name === "bars" ? (drawn[nth] ?? "") : cells[name])),
      ),
      names.map((name, nth) => (nth === 0 ? "total" : name === "cost" ? total : "")),
    ],
    names.map((name) => (name === "bars" ? "left" : ALIGNS[name])),
  );
  const widest = Math.max(...lines.map(visible), beside ? 0 : room + 2);
  const rule = colour("dim", "─".repeat(Math.min(width, widest)));
  const body = rows.flatMap(({ step }, nth) => [
    lines[nth + 1] ?? "",
    ...(beside ? [] : [`  ${drawn[nth] ?? ""}`.trimEnd()]),
    ...troubles(step, width).map((line) => colour("dim", line)),
  ]);
  return [
    rule,
    colour("bold", lines[0] ?? ""),
    ...(beside ? [] : [colour("dim", `  ${scale(axis, room)}`)]),
    ...body,
    rule,
    colour("bold", lines.at(-1) ?? ""),
    rule,
    ...legend(rows, axis, output),
  ].join("\n");
}

function layoutFor(rows: readonly Row[], width: number, total: string) {
  for (const { columns, bars } of LAYOUTS) {
    const widths = columns.map((name) =>
      Math.max(
        name.length,
        name === "cost" ? total.length : 0,
        ...rows.map(({ cells }) => columnsOf(cells[name])),
      ),
    );
    const room = width - widths.reduce((sum, one) => sum + one + 2, 0);
    if (bars > 0 && room >= bars) return { columns, bars: Math.min(room, WIDEST_BARS) };
  }
  return { columns: LAYOUTS.at(-1)?.columns ?? [], bars: 0 };
}

function rowOf(step: RunStep, now: number | undefined): Row {
  const { scope, call } = step;
  const name = step.kind === "file" ? `file ${step.name.slice(0, 8)}` : step.name;
  const time = (value: number | undefined): string => (value === undefined ? "" : seconds(value));
  return {
    step,
    cells: {
      step: clip(nameText(scope === "" ? name : `${scope}/${name}`), LONGEST_NAME),
      endpoint: call && call.endpoint !== step.name ? nameText(call.endpoint) : "",
      state: stateText(step),
      wait: time(call?.usage?.waitSeconds),
      run: time(call?.usage?.runSeconds),
      cost: call?.cost ? costText(call.cost) : call?.error?.billed === false ? "not billed" : "",
    },
    ...spansOf(step, now),
  };
}

/** What became of a step, in a word or two. */
export function stateText({ kind, call, error, reused, replaced, runningAt }: RunStep): string {
  const state = call
    ? call.state === "submitted" && runningAt !== undefined
      ? "running"
      : call.state === "completed"
        ? "done"
        : call.state
    : error
      ? "failed"
      : kind === "file"
        ? "uploaded"
        : "done";
  if (replaced) return `${state}, replaced`;
  return reused ? "reused" : state;
}

/** When it waited and when it ran, as far as is known. How long it ran is better known from fal than from when its end was seen. */
function spansOf({ call, runningAt, endedAt }: RunStep, now: number | undefined): Pick<Row, "wait" | "run"> {
  if (!call)
    return { wait: undefined, run: endedAt === undefined ? undefined : { from: endedAt, to: endedAt } };
  const from = call.submittedAt ?? call.intendedAt;
  if (!call.ticket && call.state !== "intended") return { wait: { from, to: from }, run: undefined };
  const end = Math.max(from, endedAt ?? now ?? runningAt ?? from);
  if (runningAt === undefined) return { wait: { from, to: end }, run: undefined };
  const ran = call.usage?.runSeconds;
  const to = ran === undefined ? end : Math.min(end, runningAt + ran * 1000);
  return { wait: { from, to: runningAt }, run: { from: runningAt, to: Math.max(runningAt, to) } };
}

function bar({ step, wait, run }: Row, axis: Axis, room: number, output: Output): string {
  const colour = paint(output);
  const marks = new Array<string>(room).fill(" ");
  for (const { column } of axis.cuts) marks[column] = colour("dim", "┆");
  const put = (span: Span, mark: string) => {
    const { start, end } = axis.columns(span);
    marks.fill(mark, start, end);
  };
  if (wait && wait.to > wait.from) put(wait, colour("dim", "░"));
  const tone = step.error ? "red" : step.call ? "green" : "cyan";
  if (run) put(run, colour(tone, step.call ? "█" : "•"));
  if (!run && wait && isInDoubt(step)) put(wait, colour("yellow", "?"));
  return marks.join("").trimEnd();
}

const isInDoubt = ({ call }: RunStep): boolean =>
  call !== undefined && !call.ticket && (call.state === "ambiguous" || call.state === "given-up");

/** `0 s ──── 12.3 s` */
function scale({ shownMs }: Axis, room: number): string {
  const [from, to] = ["0 s ", ` ${seconds(shownMs / 1000)}`];
  return from + "─".repeat(Math.max(1, room - from.length - to.length)) + to;
}

const visible = (line: string): number => columnsOf(printable(line));

function troubles({ call, error }: RunStep, width: number): string[] {
  const words = error?.message ?? (call?.state === "ambiguous" ? call.doubt : undefined);
  return words === undefined ? [] : wrap(printable(words).split(" "), width - 4).map((line) => `    ${line}`);
}

function legend(rows: readonly Row[], { cuts }: Axis, output: Output): string[] {
  const has = (test: (row: Row) => boolean, words: string): string[] => (rows.some(test) ? [words] : []);
  const words = [
    ...has(({ wait }) => wait !== undefined && wait.to > wait.from, "░ waited"),
    ...has(({ step, run }) => step.call !== undefined && run !== undefined, "█ ran"),
    ...has(({ step }) => step.call === undefined, "• step or upload"),
    ...has(({ step }) => isInDoubt(step), "? may be accepted"),
    ...(cuts.length > 0
      ? [`┆ left out: ${cuts.map(({ ms }) => spoken(ms)).join(", ")} in which nothing happened`]
      : []),
  ];
  return wrap(words, output.columns ?? 80, "   ").map((line) => paint(output)("dim", line));
}

function spoken(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 2) return `${Math.round(ms / 1000)} s`;
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} d`;
}
