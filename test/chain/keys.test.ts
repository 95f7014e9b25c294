import { type Fal, RunDivergedError, StepInputChangedError } from "fal-chain";
import { describe, expect, test } from "vitest";
import { urlsIn } from "../../src/base/urls.ts";
import { contentKey, differences } from "../../src/chain/content-key.ts";
import { processes } from "../support/processes.ts";
import { ECHO, failureOf } from "../support/setup.ts";

describe("the key of a call", () => {
  const key = (body: unknown, sources = new Map<string, string>()) =>
    contentKey(ECHO, JSON.stringify(body), sources);

  test("is its endpoint and input, in whatever order the fields were written", async () => {
    expect(await key({ a: 1, b: [{ c: 2, d: 3 }] })).toBe(await key({ b: [{ d: 3, c: 2 }], a: 1 }));
    expect(await key({ a: 1 })).not.toBe(await key({ a: "1" }));
    expect(await key({ a: [1, 2] })).not.toBe(await key({ a: [2, 1] }));
    expect(await key([["a", 1]])).not.toBe(await key({ a: 1 }));
    expect(await contentKey("acme/other", "{}", new Map())).not.toBe(await key({}));
  });

  test("does not depend on the URL that an earlier step gave", async () => {
    const [a, b] = ["https://v3.fal.media/files/a.png", "https://v3.fal.media/files/b.png"];
    const from = (url: string) => key({ image_url: url }, new Map([[url, "/ acme/echo 0#1/images/0/url"]]));
    expect(await from(a)).toBe(await from(b));
    expect(await key({ image_url: a })).not.toBe(await key({ image_url: b }));
    expect(await from(a)).not.toBe(await key({ image_url: a }));
  });

  test.each([
    ["S3", "X-Amz-Date=1&X-Amz-Signature=abc", "X-Amz-Date=2&X-Amz-Signature=def"],
    ["Google", "X-Goog-Expires=1&X-Goog-Signature=abc", "X-Goog-Expires=2&X-Goog-Signature=def"],
    ["CloudFront", "Expires=1&Signature=abc&Key-Pair-Id=K", "Expires=2&Signature=def&Key-Pair-Id=K"],
    ["Azure", "sv=1&se=2026&sr=b&sig=abc", "sv=1&se=2027&sr=b&sig=def"],
  ])("does not depend on the signature of a presigned URL (%s)", async (_, one, other) => {
    const at = (query: string) => key({ image_url: `https://bucket.example.com/a.png?v=1&${query}` });
    expect(await at(one)).toBe(await at(other));
    expect(await at(one)).not.toBe(await key({ image_url: "https://bucket.example.com/b.png?v=1" }));
    const plain = (query: string) => key({ image_url: `https://example.com/a.png?${query}` });
    expect(await plain("expires=1")).not.toBe(await plain("expires=2"));
  });
});

test("URLs are found wherever they are in what a step gave", () => {
  const given = { images: [{ url: "https://a/1", alt: "text" }], mask: "data:image/png;base64,AA==" };
  expect([...urlsIn(given)]).toEqual([
    ["https://a/1", "/images/0/url"],
    ["data:image/png;base64,AA==", "/mask"],
  ]);
});

test("the fields that differ are named", () => {
  expect(differences({ a: 1, b: { c: [1, 2] } }, { a: 1, b: { c: [1, 3] }, d: 4 })).toEqual(["b.c.1", "d"]);
  expect(differences({ a: 1 }, { a: 1 })).toEqual([]);
});

/** Runs `before` until it fails with a bug, then `after` in another process. */
async function edited(
  before: (fal: Fal) => Promise<unknown>,
  after: (fal: Fal) => Promise<unknown>,
  options: { onDiverge?: "throw" | "pay" } = {},
) {
  const { start, emulator } = processes();
  const first = start().fal;
  const bug = first.chain("edited", async () => {
    await before(first);
    throw new Error("a bug");
  });
  await failureOf(bug.start(undefined, { id: "a" }));
  const second = start().fal;
  const fixed = second.chain("edited", () => after(second)).resume("a", options);
  const outcome = await fixed.then(
    (output) => output,
    (error: unknown) => error,
  );
  await fixed.total;
  return { outcome, inputs: emulator.jobs.map(({ input }) => input) };
}

const call = (fal: Fal, input: object, more: object = {}) => fal.subscribe(ECHO, { input, ...more });

test("code may be reordered, and gain calls beside what it paid for", async () => {
  const { inputs } = await edited(
    async (fal) => {
      await call(fal, { n: 1 });
      await call(fal, { n: 2 });
    },
    async (fal) => {
      await Promise.all([call(fal, { n: 3 }), call(fal, { n: 2 }), call(fal, { n: 1 })]);
    },
  );
  expect(inputs).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
});

test("equal calls are told apart by how often they were made, and by their scope", async () => {
  const twice = async (fal: Fal) => {
    await Promise.all([call(fal, { n: 1 }), call(fal, { n: 1 })]);
    await fal.branch("hero", () => call(fal, { n: 1 }));
    await fal.map([1, 1], () => call(fal, { n: 1 }));
  };
  const { inputs } = await edited(twice, twice);
  expect(inputs).toHaveLength(5);
});

test("what a step gave back is still the first step's, however soon it gives it back", async () => {
  const code = async (fal: Fal) => {
    const { url } = await fal.step("sign", () => ({ url: "https://example.com/a.png" }));
    await Promise.all([call(fal, { url }), fal.step("pause", () => 1).then(() => call(fal, { url, n: 2 }))]);
    await call(fal, { url, n: 3 });
  };
  const { inputs } = await edited(code, code);
  expect(inputs).toHaveLength(3);
});

test("branches may come in any order, and each has what it had", async () => {
  const seen: string[][] = [];
  const order = (names: readonly string[]) => async (fal: Fal) => {
    const all = await Promise.all(
      names.map((name) => fal.branch(name, async () => `${name} ${(await call(fal, { n: 1 })).requestId}`)),
    );
    seen.push(all.sort());
  };
  const { inputs } = await edited(order(["a", "b", "c"]), order(["c", "a", "b"]));
  expect(inputs).toHaveLength(3);
  expect(seen[1]).toEqual(seen[0]);
});

test("branches of several calls may come in any order", async () => {
  const branches = (order: readonly string[]) => (fal: Fal) =>
    Promise.all(
      order.map((name) => fal.branch(name, () => call(fal, { n: 1 }).then(() => call(fal, { n: 2 })))),
    );
  const { inputs } = await edited(branches(["a", "b", "c"]), branches(["c", "a", "b"]));
  expect(inputs).toHaveLength(6);
});

test("a call in the place of a paid one is an error before it is paid, and names what differs", async () => {
  const before = async (fal: Fal) => call(fal, { prompt: "a fox", seed: 1 });
  const after = async (fal: Fal) => call(fal, { prompt: "a wolf", seed: 1 });
  const { outcome, inputs } = await edited(before, after);
  expect(outcome).toBeInstanceOf(RunDivergedError);
  expect(outcome).toMatchObject({ fields: ["prompt"], endpoint: ECHO, billed: false });
  expect((outcome as Error).message).not.toContain("wolf");
  expect(inputs).toHaveLength(1);

  const paid = await edited(before, after, { onDiverge: "pay" });
  expect(paid.inputs).toHaveLength(2);
});

test("two changed calls at the same time are both caught", async () => {
  const both = (a: number, b: number) => (fal: Fal) =>
    Promise.all([call(fal, { n: a }), call(fal, { n: b })]);
  const { outcome, inputs } = await edited(both(1, 2), both(3, 4));
  expect(outcome).toBeInstanceOf(RunDivergedError);
  expect(inputs).toHaveLength(2);
});

describe("a named step whose input changed", () => {
  const named = (n: number, onChange?: "rerun" | "reuse") => async (fal: Fal) => {
    const { data } = await call(fal, { n }, { step: "picture", ...(onChange && { onChange }) });
    return (data as { echo: { n: number } }).echo.n;
  };

  test("is an error before it is paid", async () => {
    const { outcome, inputs } = await edited(named(1), named(2));
    expect(outcome).toBeInstanceOf(StepInputChangedError);
    expect(outcome).toMatchObject({ step: "picture", fields: ["n"] });
    expect(inputs).toHaveLength(1);
  });

  test("is paid again where the code says so", async () => {
    const { outcome, inputs } = await edited(named(1), named(2, "rerun"));
    expect([outcome, inputs.length]).toEqual([2, 2]);
  });

  test("keeps what it gave where the code says so", async () => {
    const { outcome, inputs } = await edited(named(1), named(2, "reuse"));
    expect([outcome, inputs.length]).toEqual([1, 1]);
  });
});

test("paid calls that nothing asks for any more are told of", async () => {
  const { start } = processes();
  const first = start().fal;
  const bug = first.chain("edited", async () => {
    await call(first, { n: 1 });
    throw new Error("a bug");
  });
  await failureOf(bug.start(undefined, { id: "a" }));
  const { fal } = start();
  const resumed = fal.chain("edited", async () => "done").resume("a");
  const told = [];
  for await (const event of resumed) if (event.type === "left-over") told.push(event.calls);
  expect(told).toMatchObject([[{ endpoint: ECHO }]]);
});

test("bytes count as the same content whatever view they come in", async () => {
  const { start, emulator } = processes();
  const bytes = Buffer.from("..the same bytes..");
  const drawing = (fal: Fal, image_url: unknown, bug: boolean) =>
    fal.chain("bytes", async () => {
      await call(fal, { image_url });
      if (bug) throw new Error("a bug");
      return "done";
    });
  await failureOf(drawing(start().fal, bytes.subarray(2, 16), true).start(undefined, { id: "a" }));
  const { buffer } = new Uint8Array(bytes.subarray(2, 16));
  expect(await drawing(start().fal, buffer, false).resume("a")).toBe("done");
  expect(emulator.jobs).toHaveLength(1);
});

test("bytes in a chain's input or in what a step gives are an error that names the field", async () => {
  const { fal } = processes().start();
  const chain = fal.chain("bytes", async () => fal.step("read", () => ({ file: Buffer.from("x") }) as never));
  expect(await failureOf(chain.start(undefined, { id: "a" }))).toMatchObject({
    message: expect.stringMatching(/file is a Buffer.*Upload the file first/),
  });
  const withInput = fal.chain("input", async (_: { file: string }) => "done");
  const start = async () => withInput.start({ file: new Uint8Array(1) as never }, { id: "b" });
  expect(await failureOf(start())).toMatchObject({
    message: expect.stringContaining("file is a Uint8Array"),
  });
});

test("a file is uploaded once in the life of a run, and counts as its bytes", async () => {
  const { start, emulator } = processes();
  const withFile = (fal: Fal, bug: boolean) =>
    fal.chain("file", async () => {
      const image_url = new Blob(["the same bytes"], { type: "image/png" });
      await call(fal, { image_url });
      if (bug) throw new Error("a bug");
      const { data } = await call(fal, { image_url, again: true });
      return typeof (data as { echo: { image_url: unknown } }).echo.image_url;
    });
  await failureOf(withFile(start().fal, true).start(undefined, { id: "a" }));
  expect(await withFile(start().fal, false).resume("a")).toBe("string");
  expect(emulator.jobs).toHaveLength(2);
  const [one, two] = emulator.jobs.map(({ input }) => (input as { image_url: string }).image_url);
  expect(one).toBe(two);
});
