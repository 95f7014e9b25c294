import { createLogUpdate } from "log-update";
import type { RunEvent } from "../chain/events.ts";
import { type CallProgress, describePosition, type Progress } from "./progress.ts";
import { clip, columnsOf, type Output, paint, printable, seconds } from "./text.ts";

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 80;

/** What is being drawn right now, so that `aside` can step out of its way. */
const views = new Set<{ clear(): void; draw(): void }>();

/**
 * Draws what happens, one line a call, until the events end; where the output is no terminal, a plain line an event.
 * Throws what the loop over the events throws.
 */
export async function live(
  events: AsyncIterable<RunEvent>,
  progress: Progress,
  output: Output,
): Promise<void> {
  if (!output.isTTY || process.env["TERM"] === "dumb") {
    for await (const event of events) {
      const line = progress.take(event);
      if (line) output.write(`${line}\n`);
    }
    return;
  }

  const update = createLogUpdate(output as NodeJS.WriteStream);
  // Time as the run's own clock has it, which need not be ours.
  let latest = { at: 0, seen: 0 };
  const frame = () => frameOf(progress.calls.values(), latest.at + performance.now() - latest.seen, output);
  const view = { clear: update.clear, draw: () => update(frame()) };
  views.add(view);
  const timer = setInterval(view.draw, FRAME_MS);
  try {
    for await (const event of events) {
      latest = { at: event.at, seen: performance.now() };
      progress.take(event);
      view.draw();
    }
  } finally {
    clearInterval(timer);
    views.delete(view);
    // Whole, even where there are more calls than the terminal has lines.
    if (progress.calls.size > 0) update.persist(frame());
    update.done();
  }
}

/** Writes a line while a live view may be drawn on the same terminal: neither damages the other. */
export function aside(output: Output, text: string): void {
  for (const view of views) view.clear();
  output.write(`${printable(text)}\n`);
  for (const view of views) view.draw();
}

/** One line a call, whatever a model writes into its log. */
function frameOf(calls: Iterable<CallProgress>, now: number, output: Output): string {
  const rows = [...calls];
  const width = Math.max(...rows.map(({ step }) => columnsOf(step)));
  const room = Math.max(20, (output.columns ?? 80) - 1);
  return rows.map((call) => row(call, width, now, room, output)).join("\n");
}

function row(call: CallProgress, width: number, now: number, room: number, output: Output): string {
  const step = call.step + " ".repeat(width - columnsOf(call.step));
  const before = call.isTakenUp && call.state !== "taken up" ? "  (submitted before)" : "";
  const text = clip(`${step}  ${describe(call, now)}${before}`, room - 2);
  const left = room - 2 - columnsOf(text) - 2;
  const ended = ["done", "failed", "cancelled", "timed out"].includes(call.state);
  const log = !ended && call.lastLog && left > 3 ? `  ${clip(printable(call.lastLog), left)}` : "";
  return `${sign(call, now, output)} ${text}${log && paint(output)("dim", log)}`;
}

function sign({ state }: CallProgress, now: number, output: Output): string {
  const colour = paint(output);
  switch (state) {
    case "done":
      return colour("green", "✔");
    case "failed":
    case "timed out":
      return colour("red", "✖");
    case "cancelled":
      return colour("yellow", "■");
    default:
      return colour("cyan", FRAMES[Math.floor(now / FRAME_MS) % FRAMES.length] ?? "");
  }
}

function describe(call: CallProgress, now: number): string {
  const elapsed = seconds(Math.max(0, now - call.since) / 1000);
  switch (call.state) {
    case "queued":
      return `${describePosition(call.position)}  ${elapsed}`;
    case "running":
      return `running  ${elapsed}`;
    case "done":
      return call.runSeconds === undefined ? "done" : `done in ${seconds(call.runSeconds)}`;
    default:
      return call.state;
  }
}
