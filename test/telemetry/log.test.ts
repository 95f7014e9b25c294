import { createFal, type FalOptions, type Logger, secrets } from "fal-chain";
import { describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { echo } from "../support/models.ts";
import { printed } from "../support/printed.ts";
import { ECHO, ENV, failureOf, KEY, SECRET, setup } from "../support/setup.ts";
import { instead, json } from "../support/wire.ts";

type Line = Record<string, unknown> & { level: string; msg: string };

/** A logger that keeps what it is told. */
function recorder() {
  const lines: Line[] = [];
  const at = (level: string) => (details: object, msg: string) => void lines.push({ level, msg, ...details });
  const logger: Logger = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  return { lines, logger };
}

function world(options: Parameters<typeof setup>[0] = {}) {
  const { lines, logger } = recorder();
  const env = { ...ENV, FAL_JOB_ID: "job-7", FAL_APP_NAME: "posters" };
  return { ...setup({ env, logger, ...options }), lines };
}

const said = (lines: readonly Line[]) => lines.map(({ level, msg }) => `${level} ${msg}`);

test("a call is told from its request to its cost, each line with whose it is", async () => {
  const { fal, emulator, lines } = world();
  const request = { headers: { "x-fal-request-id": "incoming-1" } };
  await fal.withRequest(request, async () => fal.subscribe(ECHO, { input: {}, step: "draw" }));
  await fal.close();
  expect(said(lines)).toEqual([
    "debug Call is submitted",
    "debug Call is queued",
    "debug Call is running",
    "info Call is completed",
    "debug Call is charged",
  ]);
  const bound = {
    app: "posters",
    job_id: "job-7",
    request: "incoming-1",
    step: "draw",
    call: lines[0]?.["call"],
    endpoint: ECHO,
    request_id: emulator.jobs[0]?.requestId,
  };
  expect(bound.call).toMatch(/^[0-9a-f-]{36}$/);
  for (const line of lines) expect(line).toMatchObject(bound);
  expect(lines[3]).toMatchObject({
    state: "completed",
    units: 1,
    wait_seconds: expect.any(Number),
    run_seconds: 2,
  });
  expect(lines[4]).toMatchObject({ cost_nano_usd: 10_000_000, cost_source: "measured" });
});

test("a run is told with its money, and its calls by its name", async () => {
  const { fal, lines } = world();
  const chain = fal.chain("poster", async () => (await fal.subscribe(ECHO, { input: {} })).requestId);
  await chain.start(undefined, { id: "order-1" });
  await fal.close();
  // The first line says that memory cannot keep the run.
  for (const line of lines.slice(1)) {
    expect(line).toMatchObject({ app: "posters", chain: "poster", run: "order-1" });
  }
  expect(said(lines.filter(({ msg }) => msg.startsWith("Run ")))).toEqual([
    "info Run is started",
    "info Run is completed",
    "debug Run is settled",
  ]);
  expect(lines.at(-1)).toMatchObject({ cost_nano_usd: 10_000_000, calls: 1, unknown: 0 });
});

test("a failure is an error with its facts, and one that somebody wanted is none", async () => {
  const { fal, lines } = world({ wire: instead("result", () => json({ detail: "no" }, { status: 422 })) });
  await failureOf(fal.subscribe(ECHO, { input: {} }));
  const call = fal.subscribe(ECHO, { input: {} });
  await call.submitted;
  await call.cancel();
  await failureOf(call);
  await fal.close();
  const ends = lines.filter(({ state }) => state !== undefined);
  expect(said(ends)).toEqual(["error Call is failed", "info Call is cancelled"]);
  expect(ends[0]?.["err"]).toMatchObject({ name: "ValidationError", code: "validation", status: 422 });
});

test("a logger with nothing but warn hears of troubles alone, and whose they are", async () => {
  const { fal, lines } = world();
  const all = recorder();
  fal.config({ logger: { warn: all.logger.warn } });
  const onEnqueue = () => {
    throw new Error("mine");
  };
  const call = fal.subscribe(ECHO, { input: {}, onEnqueue });
  await call;
  await failureOf(fal.subscribe(ECHO, { input: {}, timeout: 1 }));
  expect(lines).toEqual([]);
  expect(all.lines).toMatchObject([
    {
      level: "warn",
      msg: "The callback onEnqueue threw",
      app: "posters",
      endpoint: ECHO,
      err: { message: "mine" },
    },
  ]);
});

test("a logger that throws does not fail a call", async () => {
  const broken = () => {
    throw new Error("the disk is full");
  };
  const { fal } = setup({ logger: { debug: broken, info: broken, warn: broken, error: broken } });
  const chain = fal.chain("poster", async () => {
    const onEnqueue = broken;
    return (await fal.subscribe(ECHO, { input: { a: 1 }, onEnqueue })).data;
  });
  expect(await chain.start()).toEqual({ echo: { a: 1 } });
  await fal.close();
});

describe("payloads", () => {
  const talkative = { models: [echo({ lines: ["drawing a fox"] })] };
  const make = async (options: FalOptions) => {
    const { fal, lines } = world({ ...options, emulator: talkative });
    await fal.subscribe(ECHO, { input: { prompt: "a fox", password: "open sesame" }, logs: true });
    await fal.close();
    return lines;
  };

  test("are in no line", async () => {
    expect(printed(await make({}))).not.toContain("fox");
  });

  test("are in lines of level debug where that is wanted, without what is secret", async () => {
    const lines = await make({ logPayloads: true });
    const telling = lines.filter((line) => printed(line).includes("fox"));
    expect(said(telling)).toEqual([
      "debug Call has its input",
      "debug Call logs",
      "debug Call has its output",
    ]);
    expect(telling[0]).toMatchObject({ input: { prompt: "a fox", password: "…" } });
    expect(printed(lines)).not.toContain("sesame");
  });

  test("show no key and no secret, wherever they are in it", async () => {
    const { lines, fal } = world({ logPayloads: true });
    secrets({ TOKEN: z.string() }, { TOKEN: "t0ken-of-the-user" });
    const stray = "01234567-89ab-cdef-0123-456789abcdef:0123456789abcdef0123456789abcdef";
    const input = { prompt: `the key ${KEY}`, deep: [{ [SECRET]: "t0ken-of-the-user" }], other: stray };
    await fal.subscribe(ECHO, { input });
    const text = printed(lines);
    expect(text).toContain("the key");
    for (const secret of [SECRET, "t0ken-of-the-user", stray]) expect(text).not.toContain(secret);
  });
});

describe("FAL_CHAIN_LOG", () => {
  async function run(level: string | undefined, thrown = "mine") {
    const written: string[] = [];
    const warned: unknown[] = [];
    const write = vi.spyOn(console, "error").mockImplementation((text) => void written.push(String(text)));
    const warn = vi.spyOn(process, "emitWarning").mockImplementation((said) => void warned.push(said));
    try {
      const { fal } = setup({ env: { ...ENV, FAL_CHAIN_LOG: level } });
      const onEnqueue = () => {
        throw new Error(thrown);
      };
      await fal.subscribe(ECHO, { input: { prompt: "a fox" }, onEnqueue });
      await fal.close();
    } finally {
      write.mockRestore();
      warn.mockRestore();
    }
    const lines: Line[] = written.map((line) => JSON.parse(line));
    return { said: said(lines), lines, warned, written };
  }

  /** What a terminal obeys, what turns the direction of writing, what hides, and what takes long to look through. */
  const nasty = `\u001b[31mred\u009b2J\r\nline two\u202e\u200b ${"\u001b]".repeat(100_000)}`;
  const obeyed = /[\p{Cc}\u{2028}\u{202a}-\u{202e}\u{200b}]/u;

  test("whatever an error says, a warning is one line that is only read", async () => {
    const began = performance.now();
    const { warned } = await run(undefined, nasty);
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(warned).toHaveLength(1);
    expect(warned[0]).toMatch(/^The callback onEnqueue threw: red.* line two/);
    expect(warned[0]).not.toMatch(obeyed);
    expect(String(warned[0]).length).toBeLessThan(25_000);
  });

  test("a line of JSON holds nothing that a terminal obeys, and reads back as it was", async () => {
    const { written, lines } = await run("warn", nasty);
    expect(written.join("")).not.toMatch(obeyed);
    expect(written.join("").length).toBeLessThan(100_000);
    const { err } = lines[0] as unknown as { err: { message: string } };
    expect(err.message).toContain(nasty.slice(0, 30));
    expect(err.message).toContain("more characters)");
  });

  test("names the level from which on JSON lines are written to stderr", async () => {
    const everything = await run("debug");
    expect(everything.said).toContain("debug Call is submitted");
    expect(everything.lines[0]).toMatchObject({
      time: expect.stringMatching(/^2\d{3}-.*Z$/),
      endpoint: ECHO,
    });
    expect((await run("info")).said).toEqual(["warn The callback onEnqueue threw", "info Call is completed"]);
    expect((await run("warn")).said).toEqual(["warn The callback onEnqueue threw"]);
    expect(everything.warned).toEqual([]);
  });

  test("may silence the client, also its warnings", async () => {
    expect(await run("silent")).toMatchObject({ said: [], lines: [], warned: [] });
  });

  test("unset, leaves warnings to the runtime", async () => {
    const { said, warned } = await run(undefined);
    expect({ said, warned }).toEqual({ said: [], warned: ["The callback onEnqueue threw: mine"] });
  });

  test("that names no level is told of, once, and fails nothing", async () => {
    const { said, warned } = await run("loud");
    expect(said).toEqual([]);
    expect(warned).toEqual([
      'FAL_CHAIN_LOG is "loud"; it is one of debug, info, warn, error and silent',
      "The callback onEnqueue threw: mine",
    ]);
  });

  test("yields to a logger that is given", async () => {
    const { lines, logger } = recorder();
    const { clock, emulator } = setup();
    const fal = createFal({
      env: { ...ENV, FAL_CHAIN_LOG: "silent" },
      logger,
      clock,
      fetch: async (input, init) => emulator.fetch(new Request(input, init)),
    });
    await fal.subscribe(ECHO, { input: {} });
    expect(lines).not.toEqual([]);
  });
});

test("a logger that takes its time and fails ends nothing", async () => {
  const failing = async () => {
    throw new Error("the log is full");
  };
  const logger: Logger = { debug: failing, info: failing, warn: failing, error: failing };
  const { fal } = setup({ logger });
  await fal.subscribe(ECHO, { input: { prompt: "a fox" } });
  await fal.close();
});
