import { type Fal, FalError, type Store } from "fal-chain";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ECHO, setup } from "../support/setup.ts";
import { kindOf, type Wire } from "../support/wire.ts";
import type { World } from "./real-time.ts";

// Models are other people's programs: whatever one of them answers, the ledger and the next call do not suffer from it.

/** JSON that goes so deep, with something that can be used beside it. */
const nested = (depth: number, open: string, close: string): string =>
  `{"images":[{"url":"https://v3.fal.media/files/a.png"}],"deep":${open.repeat(depth)}1${close.repeat(depth)}}`;
/** Around the limit, and far beyond what any stack has. */
const DEPTHS = [1, 498, 499, 500, 501, 6_000, 200_000, 200_000];
const deep = fc
  .record({
    depth: fc.constantFrom(...DEPTHS),
    kind: fc.constantFrom(["[", "]"] as const, ['{"a":', "}"] as const, ['["\\"]",{"[":', "}]"] as const),
  })
  .map(({ depth, kind: [open, close] }) => nested(depth, open, close));

const FIGURES = [
  "1e308",
  "-1e308",
  "1e400",
  "NaN",
  "1000000000",
  "1e12",
  "9007199254740993",
  "-1",
  "0x10",
  "1e-9",
];
const figure = fc.oneof(
  { arbitrary: fc.constantFrom(...FIGURES), weight: 4 },
  fc.double().map(String),
  fc.string(),
);
const strange = fc.constantFrom(
  '"a\\u0000b"',
  '"\\ud800"',
  `"${"x".repeat(5_000)}"`,
  '{"__proto__":{"a":1},"toString":1,"constructor":1}',
  '{"fal-chain":"bytes","base64":"***"}',
  '{"fal-chain":1}',
  "9007199254740993",
  '{"detail":[{"loc":[{"toString":1}],"msg":"no","type":"x"}]}',
);
const json = fc.oneof(
  { arbitrary: deep, weight: 2 },
  fc.jsonValue().map((value) => JSON.stringify(value)),
  figure,
  strange,
);

/** What of an answer is otherwise, as it stands in it; the rest is as fal has it. */
interface Odd {
  readonly result?: string;
  readonly status?: number;
  readonly units?: string;
  readonly inferenceTime?: string;
  readonly position?: string;
  readonly logs?: string;
  readonly price?: string;
  readonly requestId?: string;
}
const odd: fc.Arbitrary<Odd> = fc
  .uniqueArray(
    fc.oneof(
      { arbitrary: json.map((result) => ({ result })), weight: 4 },
      { arbitrary: figure.map((units) => ({ units })), weight: 3 },
      fc.constantFrom(201, 422, 500, 400).map((status) => ({ status })),
      json.map((inferenceTime) => ({ inferenceTime })),
      json.map((position) => ({ position })),
      json.map((logs) => ({ logs })),
      figure.map((price) => ({ price })),
      fc.oneof(strange, fc.constant(`"${"r".repeat(900)}"`)).map((requestId) => ({ requestId })),
    ),
    { minLength: 1, maxLength: 3, selector: (part) => Object.keys(part)[0] },
  )
  .map((parts) => Object.assign({}, ...parts));

/** Answers as `now.odd` says, else as the emulator does. */
function answering(): { wire: Wire; now: { odd: Odd | undefined } } {
  const now: { odd: Odd | undefined } = { odd: undefined };
  const wire: Wire = async (request, forward) => {
    const { odd } = now;
    if (!odd) return forward();
    const kind = kindOf(request);
    if (kind === "other" && odd.price !== undefined && request.url.includes("/pricing?")) {
      const price = `{"endpoint_id":"${ECHO}","unit":"images","unit_price":${odd.price},"currency":"USD"}`;
      return new Response(`{"prices":[${price}]}`, { headers: { "content-type": "application/json" } });
    }
    const reply = await forward();
    if (kind === "result") return oddResult(odd, reply);
    const text = await reply.text();
    if (!reply.ok) return new Response(text, reply);
    if (kind === "submit") return new Response(replaced(text, { request_id: odd.requestId }), reply);
    if (kind !== "status") return new Response(text, reply);
    const { inferenceTime, position, logs } = odd;
    const fields = { inference_time: inferenceTime, queue_position: position, logs };
    return new Response(replaced(text, fields), reply);
  };
  return { wire, now };
}

async function oddResult({ result, status, units }: Odd, reply: Response): Promise<Response> {
  const headers = new Headers(reply.headers);
  // Header values are Latin-1 of one line.
  if (units !== undefined) headers.set("x-fal-billable-units", units.replace(/[^\x20-\x7e]/g, ""));
  return new Response(result ?? (await reply.text()), { status: status ?? reply.status, headers });
}

/** JSON with other values of some fields, which are given as JSON. */
function replaced(json: string, fields: Readonly<Record<string, string | undefined>>): string {
  const entries = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined);
  return entries.reduce(
    (text, [name, value]) =>
      text.replace(new RegExp(`"${name}":("[^"]*"|\\[[^\\]]*\\]|[^,}]*)`), () => `"${name}":${value}`),
    json,
  );
}

/** What a client does the day after. */
async function goesOn(fal: Fal, paid: () => number): Promise<void> {
  const before = paid();
  const { data } = await fal.subscribe(ECHO, { input: { next: before } });
  expect(data).toEqual({ echo: { next: before } });
  expect(paid()).toBe(before + 1);
  for (const by of ["endpoint", "day", "hour", "run", "tag:customer"] as const) {
    const { total } = await fal.costs({ by: [by] });
    expect(Number.isSafeInteger(total.nanoUsd)).toBe(true);
    expect(total.nanoUsd).toBeGreaterThanOrEqual(0);
  }
  const calls = await fal.calls.list({ limit: 1_000 });
  for (const call of calls) expect(() => JSON.stringify(call)).not.toThrow();
  await fal.runs.list();
  await fal.runs.resumeAll();
}

const BUG = new Error("a bug");
const isEnd = (error: unknown): boolean => error instanceof FalError || String(error) === String(BUG);
const endOf = (ending: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(ending).then(
    () => undefined,
    (error: unknown) => (isEnd(error) ? undefined : error),
  );

/** Whatever a call is answered with, it ends with a result or an error of ours, and its client goes on. */
export function endsForAnyAnswer(
  name: string,
  open: () => Store,
  numRuns: number,
  world: World = setup,
): void {
  test(`with a store in ${name}`, { timeout: 10_000 + numRuns * 5_000 }, async () => {
    const store = open();
    const { wire, now } = answering();
    const { fal, emulator } = world({ store, wire, logger: { warn: () => {} } });
    const paid = () => emulator.jobs.length;
    const seen: unknown[] = [];
    const chain = fal.chain("twice", async (input: { id: string }) => {
      const { data } = await fal.subscribe(ECHO, { input, mode: "polling", ambiguousSubmit: "throw" });
      // The first time it does not get further.
      if (seen.push(data) === 1) throw BUG;
      return { output: data };
    });
    await fc.assert(
      fc.asyncProperty(odd, fc.boolean(), async (answer, isInRun) => {
        const id = crypto.randomUUID();
        const input = { id };
        seen.length = 0;
        now.odd = answer;
        const settings = { mode: "polling", logs: true, ambiguousSubmit: "throw" } as const;
        const once = isInRun
          ? chain.start(input, { id })
          : fal.subscribe(ECHO, { input, tags: { customer: "acme" }, ...settings });
        expect(await endOf(once)).toBeUndefined();
        now.odd = undefined;
        await goesOn(fal, paid);
        if (!isInRun) return;
        const before = paid();
        expect(await endOf(chain.resume(id))).toBeUndefined();
        if (seen.length < 2) return;
        expect(seen[1]).toStrictEqual(seen[0]);
        expect(paid()).toBe(before);
      }),
      { numRuns },
    );
    await fal.close();
    await store.close();
  });
}
