import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createFal, type Fal, FalError } from "fal-chain";
import { createEmulator, type FaultText, virtualClock } from "fal-chain/emulator";
import { describe, expect, test } from "vitest";
import {
  type Failure,
  failureOfError,
  failureOfReply,
  mayRepeat,
  NOT_SENT,
  NOT_TAKEN,
} from "../../src/transport/failure.ts";
import { echo } from "../support/models.ts";
import { collect, ECHO, ENV } from "../support/setup.ts";
import { json, kindOf } from "../support/wire.ts";

// The page is checked row by row: each ending is provoked, and what follows has to be what the page says.

const page = readFileSync(join(import.meta.dirname, "../../docs/errors.md"), "utf8");
const sections = new Map(page.split(/^## /m).map((text) => [text.slice(0, text.indexOf("\n")), text]));
const section = (name: string): string => sections.get(name) ?? expect.fail(`there is no section ${name}`);

const rowsOf = (name: string): string[][] =>
  section(name)
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(2)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

const unquoted = (cell = ""): string => cell.replace(/^`|`$/g, "");

/** As the page's columns are headed, what the emulator and the client call it, and how a user has it happen. */
const OPERATIONS = {
  Submit: {
    fault: "submit",
    operation: "submit",
    act: (fal: Fal) => fal.queue.submit(ECHO, { input: { n: 2 } }),
  },
  Status: {
    fault: "status",
    operation: "status",
    act: (fal: Fal, requestId: string) => fal.queue.status(ECHO, { requestId }),
  },
  Result: {
    fault: "result",
    operation: "result",
    act: (fal: Fal, requestId: string) => fal.queue.result(ECHO, { requestId }),
  },
  Cancel: {
    fault: "cancel",
    operation: "cancel",
    act: (fal: Fal, requestId: string) => fal.queue.cancel(ECHO, { requestId }),
  },
  History: {
    fault: "platform",
    operation: "platform",
    // The queue has let the result go, so history is asked.
    act: (fal: Fal, requestId: string) => fal.queue.attach(ECHO, { requestId }),
  },
} as const;
type Column = keyof typeof OPERATIONS;

const wireReply = ({ status, headers }: Response) => ({
  status,
  headers,
  text: "",
  bytes: new ArrayBuffer(0),
});

/** Lets one kind of request end so until the client gives up, and says what followed, in the page's words. */
async function whatFollows(provokedBy: string, column: Column): Promise<string> {
  const { fault, operation, act } = OPERATIONS[column];
  const clock = virtualClock();
  const emulator = createEmulator({ clock, models: [echo({ seconds: 60 })] });
  let armed = false;
  let sent = 0;
  let kind: string | undefined;
  const fetch: typeof globalThis.fetch = async (...args) => {
    const request = new Request(...args);
    const isHistory = request.url.includes("/requests/by-endpoint");
    const isMeant = armed && (fault === "platform" ? isHistory : kindOf(request) === fault);
    if (isMeant) sent += 1;
    const status = /^HTTP (\d+)$/.exec(provokedBy)?.[1];
    try {
      const reply =
        isMeant && status
          ? json({ detail: "no" }, { status: Number(status) })
          : await emulator.fetch(request);
      // The first answer is the one that is meant; where it comes after the client has given it up, there is none.
      if (isMeant && sent === 1 && !request.signal.aborted)
        kind = failureOfReply(operation, wireReply(reply))?.kind;
      return reply;
    } catch (error) {
      if (isMeant && sent === 1) kind = failureOfError(error).kind;
      throw error;
    }
  };
  const retry = { maxRetries: 2, baseDelay: 100 };
  const fal = createFal({ env: ENV, clock, random: () => 0.5, fetch, retry, ambiguousSubmit: "throw" });
  const { request_id: requestId } = await fal.queue.submit(ECHO, { input: { n: 1 } });
  if (column === "Result" || column === "History") await clock.sleep(120_000);
  if (column === "History") emulator.faults.next("result", "result-expired", Number.POSITIVE_INFINITY);
  armed = true;
  if (!provokedBy.startsWith("HTTP"))
    emulator.faults.next(fault, provokedBy as FaultText, Number.POSITIVE_INFINITY);
  const before = clock.now();
  const outcome: unknown = await act(fal, requestId).catch((error: unknown) => error);
  const waited = clock.now() - before;
  await emulator.close();

  if (!(outcome instanceof FalError))
    return kind === undefined && sent === 1 ? (waited > 0 ? "waited for" : "believed") : "succeeded";
  // A good status with a body that cannot be read, and an answer that never came, are classified on the way.
  const meaning = kind ?? "ambiguous";
  return `${meaning}, ${sent > 1 ? "repeated" : "not repeated"}`;
}

describe.each(rowsOf("Requests"))("%s (%s)", (_, provokedBy, ...cells) => {
  test.each(Object.keys(OPERATIONS).map((column, at) => [column as Column, cells[at]] as const))(
    "%s: %s",
    async (column, said) => {
      expect(await whatFollows(unquoted(provokedBy), column)).toBe(said);
    },
  );
});

test("whether something is repeated follows from the kind of its failure", () => {
  const failures: Failure[] = [
    { kind: "refused", why: "" },
    { kind: "ambiguous", why: "" },
    { kind: "response", reply: wireReply(json({}, { status: 400 })) },
  ];
  const said = rowsOf("Requests").flatMap((row) => row.slice(2).map((cell, at) => ({ cell, at })));
  for (const failure of failures) {
    const cells = said.filter(({ cell }) => cell.startsWith(`${failure.kind}, `));
    expect(cells).not.toEqual([]);
    for (const { cell, at } of cells) {
      const { operation } = Object.values(OPERATIONS)[at] ?? expect.fail("too many columns");
      expect(cell.endsWith(", repeated")).toBe(mayRepeat(operation, failure));
    }
  }
});

test("the page lists exactly what counts as a proof", () => {
  const quoted = [...section("What proves that nothing was sent").matchAll(/`([^`]+)`/g)].map(
    ([, text]) => text,
  );
  const codes = quoted.filter((text) => /^[A-Z_]+$/.test(text ?? ""));
  expect(codes).toEqual([...NOT_SENT]);
  expect(quoted.filter((text) => text?.startsWith("runner_"))).toEqual([...NOT_TAKEN]);
});

describe("a status stream", () => {
  const told = async (fault?: string) => {
    const clock = virtualClock();
    const emulator = createEmulator({ clock, models: [echo({ seconds: 120, lines: ["a 🦊", "b"] })] });
    const fal = createFal({ env: ENV, clock, fetch: (...sent) => emulator.fetch(new Request(...sent)) });
    if (fault) emulator.faults.next("stream", fault as FaultText, 3);
    const { seen, error } = await collect(
      fal.subscribe(ECHO, { input: {}, logs: true, idleTimeout: 30_000 }),
    );
    expect(error).toBeUndefined();
    expect(emulator.faults.pending).toBeLessThan(3);
    await emulator.close();
    return seen.map((event) => (event.type === "log" ? event.log.message : event.type));
  };

  test.each(rowsOf("Status streams"))("%s (%s), and the call tells the same", async (_, provokedBy) => {
    expect(await told(unquoted(provokedBy))).toEqual(await told());
  });
});
