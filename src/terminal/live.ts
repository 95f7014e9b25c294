import { stripVTControlCharacters, styleText } from "node:util";
import { createLogUpdate } from "log-update";
import type { RunEvent } from "../chain/run.ts";
import { type CallProgress, describePosition, type Progress, seconds } from "./progress.ts";

/** A stream to draw on. */
export type Output = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MS = 80;

/**
 * Draws what happens, one line a call, until the events end; where the output is no terminal, a plain line an event.
 * Throws what the loop over the events throws.
 */
export async function live(
  events: AsyncIterable<RunEvent>,
  progress: Progress,
  output: Output,
): Promise<void> {
  if (!output.isTTY) {
    for await (const event of events) {
      const line = progress.take(event);
      if (line) output.write(`${printable(line)}\n`);
    }
    return;
  }

  const update = createLogUpdate(output as NodeJS.WriteStream);
  let frame = 0;
  const draw = () => {
    const width = Math.max(...[...progress.calls.values()].map(({ step }) => step.length), 4);
    const lines = [...progress.calls.values()].map((call) => row(call, width, frame, output.columns ?? 80));
    update(lines.join("\n"));
  };
  const timer = setInterval(() => {
    frame++;
    draw();
  }, FRAME_MS);
  try {
    for await (const event of events) {
      progress.take(event);
      draw();
    }
  } finally {
    clearInterval(timer);
    draw();
    update.done();
  }
}

const SIGNS = {
  done: styleText("green", "✔"),
  failed: styleText("red", "✖"),
  cancelled: styleText("yellow", "■"),
};

function row(call: CallProgress, width: number, frame: number, columns: number): string {
  const spinner = styleText("cyan", FRAMES[frame % FRAMES.length] ?? "");
  const sign = call.state in SIGNS ? SIGNS[call.state as keyof typeof SIGNS] : spinner;
  const text = `${call.step.padEnd(width)}  ${describe(call)}`;
  const log = call.lastLog && call.state !== "done" ? `  ${call.lastLog}` : "";
  // One line a call, whatever a model writes into its log.
  const room = columns - 4;
  const plain = printable(text).slice(0, room);
  return `${sign} ${plain}${styleText("dim", printable(log).slice(0, Math.max(0, room - plain.length)))}`;
}

function describe(call: CallProgress): string {
  const elapsed = seconds(Math.max(0, Date.now() - call.since) / 1000);
  switch (call.state) {
    case "submitting":
      return "submitting";
    case "queued":
      return `${describePosition(call.position)}  ${elapsed}`;
    case "running":
      return `running  ${elapsed}`;
    case "done":
      return `done  ${call.runSeconds === undefined ? "" : seconds(call.runSeconds)}`;
    case "failed":
      return "failed";
    case "cancelled":
      return "cancelled";
  }
}

/** What a model writes must not move the cursor or break the line. */
const printable = (text: string): string => stripVTControlCharacters(text).replace(/\p{Cc}+/gu, " ");
