import { memoryStore, type Store } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseForeign, parseOwn, wireJson } from "../../src/base/json.ts";
import { withTexts } from "../../src/base/urls.ts";
import { ECHO, FLUX, failureOf, setup } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";
import { instead, kindOf, losing, type Wire } from "../support/wire.ts";

// A number that JavaScript would round comes as its digits, and goes on as them: never as another number.

const SEED = "18446744073709551557";
const BODY = `{"seed":${SEED},"fine":9007199254740991,"exact":9007199254740994,"text":"18446744073709551557","odd":[-9223372036854775807,0.1]}`;
const DATA = {
  seed: SEED,
  fine: 9007199254740991,
  exact: 9007199254740994,
  text: SEED,
  odd: ["-9223372036854775807", 0.1],
};
const giving = (body: string): Wire =>
  instead("result", () => new Response(body, { headers: { "content-type": "application/json" } }));

/** The bodies that were submitted, as they went over the wire. */
function listening(wire: Wire): { wire: Wire; bodies: string[] } {
  const bodies: string[] = [];
  return {
    bodies,
    async wire(request, forward) {
      if (kindOf(request) === "submit") bodies.push(await request.clone().text());
      return wire(request, forward);
    },
  };
}

const STORES: [string, () => Store | Promise<Store>][] = [
  ["memory", () => ({ ...memoryStore(), durable: true })],
  ["SQLite", () => sqliteStore(`${tempDir()}/store.db`)],
];

describe.each(STORES)("with a store in %s", (_, open) => {
  test("a result is exact for everybody who reads it, at each time, and so is what is passed on", async () => {
    const store = await open();
    const { wire, bodies } = listening(giving(BODY));
    const { fal, emulator } = setup({ wire, store });
    const seen: unknown[] = [];
    const chain = fal.chain("two", async () => {
      const { data } = (await fal.subscribe(ECHO, { input: {} })) as { data: { seed: number } };
      await fal.subscribe(ECHO, { input: { seed: data.seed } });
      seen.push(data);
      if (seen.length === 1) throw new Error("a bug");
      return data;
    });
    await failureOf(chain.start(undefined, { id: "a" }));
    expect(await chain.resume("a")).toEqual(DATA);
    expect(seen).toEqual([DATA, DATA]);
    expect(bodies).toEqual(["{}", `{"seed":"${SEED}"}`]);
    expect(emulator.jobs).toHaveLength(2);
    const [record] = await fal.calls.list({ run: "a" });
    expect((await fal.calls.collect(record?.id ?? "")).data).toEqual(DATA);
    const requestId = record?.ticket?.requestId ?? "";
    expect((await fal.queue.result(ECHO, { requestId })).data).toEqual(DATA);
    expect((await fal.queue.attach(ECHO, { requestId })).data).toEqual(DATA);
    await store.close();
  });

  test("a bigint goes to the digit, is another call than the next number, and a lost submit of it is found", async () => {
    const store = await open();
    const { wire, bodies } = listening(losing("submit"));
    const { fal, emulator } = setup({ wire, store });
    const chain = fal.chain("seeds", async () => {
      for (const seed of [2n ** 64n - 59n, 2n ** 64n - 58n, 7n])
        await fal.subscribe(ECHO, { input: { seed } });
    });
    await chain.start(undefined, { id: "a" });
    expect(bodies).toEqual([`{"seed":${SEED}}`, '{"seed":18446744073709551558}', '{"seed":7}']);
    expect(emulator.jobs).toHaveLength(3);
    expect((await fal.calls.list({ run: "a" })).map(({ body }) => body).toReversed()).toEqual(bodies);
    await store.close();
  });
});

test("a result from history is exact too", async () => {
  const wire: Wire = async (request, forward) => {
    if (kindOf(request) === "result") return Response.json({ detail: "gone" }, { status: 404 });
    const reply = await forward();
    if (!request.url.includes("by-endpoint")) return reply;
    const text = (await reply.text()).replace(/"json_output":\{[^}]*\}\}/, `"json_output":${BODY}`);
    return new Response(text, reply);
  };
  const { fal } = setup({ wire });
  expect((await fal.subscribe(ECHO, { input: { a: 1 } })).data).toEqual(DATA);
});

test("what is kept is to come back as it was, so it takes no bigint", async () => {
  const { fal } = setup();
  const kept = fal.chain("kept", () => 1n as never);
  expect(String(await failureOf(kept.start()))).toMatch(/bigint/);
});

describe("JSON", () => {
  test.each<[string, unknown]>([
    ["1", 1],
    ["9007199254740991", 9007199254740991],
    ["9007199254740993", "9007199254740993"],
    ["-9007199254740993", "-9007199254740993"],
    ["1e400", "1e400"],
    ["-1E+400", "-1E+400"],
    ["1e308", 1e308],
    ["0.10000000000000000555", 0.1],
    ["1234567890123456.5", 1234567890123456.5],
    ['{"1234567890123456789":"1234567890123456789"}', { "1234567890123456789": "1234567890123456789" }],
    ['["\\"1234567890123456789", 1234567890123456789]', ['"1234567890123456789', "1234567890123456789"]],
    [`[${"9".repeat(100_000)}]`, ["9".repeat(100_000)]],
  ])("%s", (text, value) => {
    expect(parseForeign(text)).toEqual(value);
    expect(JSON.parse(JSON.stringify(value))).toEqual(value);
  });

  test("of any value is what JSON.parse says, but for the numbers that it would round", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        const large = /\d{16}|e\+?\d{3}/.test(text);
        if (!large) expect(parseForeign(text)).toEqual(JSON.parse(text));
        expect(JSON.parse(JSON.stringify(parseForeign(text)))).toEqual(parseForeign(text));
      }),
    );
    fc.assert(
      fc.property(fc.bigInt(), fc.string(), (seed, text) => {
        const json = wireJson({ text, seed }, "input", () => "");
        expect(json).toBe(`{"text":${JSON.stringify(text)},"seed":${seed}}`);
        const { seed: again } = parseOwn(json) as { seed: unknown };
        expect([String(again), Number(again)]).toEqual([String(seed), Number(seed)]);
      }),
    );
  });

  test("with texts replaced keeps the rest as it was", () => {
    const json = `{"a":"x","x":[${SEED},"x","y\\"x"],"b":{"c":"x"}}`;
    expect(withTexts(json, new Map([["x", 'z"']]))).toBe(
      `{"a":"z\\"","x":[${SEED},"z\\"","y\\"x"],"b":{"c":"z\\""}}`,
    );
  });
});

test("a seed of any size goes from call to call through the emulator to the digit, whoever writes it", async () => {
  const { fal, emulator } = setup();
  const size = { image_size: { width: 64, height: 64 }, prompt: "a fox" };
  const seeds: unknown[] = [];
  const chain = fal.chain("seeds", async () => {
    const first = await fal.subscribe(FLUX, { input: { ...size, seed: BigInt(SEED) as unknown as number } });
    const second = await fal.subscribe(FLUX, { input: { ...size, seed: first.data.seed } });
    const { data } = await fal.subscribe(ECHO, { input: { seed: second.data.seed, n: BigInt(SEED) } });
    seeds.push(first.data.seed, second.data.seed, data);
  });
  await chain.start(undefined, { id: "a" });
  expect(seeds).toEqual([SEED, SEED, { echo: { seed: SEED, n: SEED } }]);
  const [first, , echoed] = emulator.jobs;
  expect(JSON.stringify(first?.input)).toContain(`"seed":${SEED}`);
  expect(JSON.stringify(echoed?.input)).toBe(`{"seed":"${SEED}","n":${SEED}}`);
  // The same picture for the same seed, whether as digits or as a number.
  const small = await fal.subscribe(FLUX, { input: { ...size, seed: 7 } });
  const digits = await fal.subscribe(FLUX, { input: { ...size, seed: "7" as unknown as number } });
  expect([small.data.seed, digits.data.seed]).toEqual([7, 7]);
  expect(
    await failureOf(fal.subscribe(FLUX, { input: { ...size, seed: "seven" as unknown as number } })),
  ).toMatchObject({ status: 422 });
});

test("history has large numbers to the digit", async () => {
  const { fal } = setup({ wire: losing("submit") });
  const { data } = await fal.subscribe(ECHO, { input: { n: BigInt(SEED), m: [9007199254740993n] } });
  expect(data).toEqual({ echo: { n: SEED, m: ["9007199254740993"] } });
});
