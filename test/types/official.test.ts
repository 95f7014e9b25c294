import { createEmulator, type Model, ModelFailure } from "fal-chain/emulator";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { echo } from "../support/models.ts";
import { KEY } from "../support/setup.ts";

// What users of the official client write, run as it stands and with its import changed: they see the same.

type Snippets = typeof import("./official/snippets.ts");

const SNIPPETS = "./official/snippets.ts";
const refusing: Model = {
  ...(echo({ id: "acme/refuses" }) as Model),
  run: async () => {
    throw new ModelFailure(422, [{ loc: ["body", "n"], msg: "No.", type: "value_error", url: "" }]);
  },
};
/** Gives what the model does, without a picture. */
const painting: Model = {
  ...(echo({ id: "fal-ai/flux/schnell" }) as Model),
  async run(input) {
    const { seed, image_size: size } = input as { seed: number; image_size: object };
    const image = { url: "https://files.example/a.jpeg", content_type: "image/jpeg", ...size };
    return { output: { images: [image], seed }, units: 1 };
  },
};
const cutting: Model = {
  ...(echo({ id: "fal-ai/birefnet/v2" }) as Model),
  run: async () => ({
    output: { image: { url: "https://files.example/b.png", content_type: "image/png" } },
    units: 1,
  }),
};
const streaming: Model = {
  ...(echo({ id: "acme/streams" }) as Model),
  async *stream() {
    yield { n: 1 };
    yield { n: 2 };
    return { output: { n: 2 }, units: 1 };
  },
};
const models = [
  ...[echo(), refusing, echo({ id: "acme/talks", lines: ["a", "b"] }), streaming, painting, cutting],
] as Model[];

const sides = {} as Record<"theirs" | "ours", Snippets>;

beforeAll(async () => {
  sides.theirs = await import(SNIPPETS);
  vi.resetModules();
  vi.doMock("@fal-ai/client", () => import("fal-chain"));
  sides.ours = await import(SNIPPETS);
  vi.doUnmock("@fal-ai/client");
});
afterAll(() => vi.restoreAllMocks());

async function seenBy({ RUN, configure }: Snippets, name: string) {
  const emulator = createEmulator({ models, timeScale: 0 });
  configure({
    credentials: KEY,
    fetch: (input, init) => emulator.fetch(new Request(input, init)),
    retry: { maxRetries: 0 },
  });
  try {
    const seen = await RUN[name]?.();
    return JSON.parse(JSON.stringify(seen ?? null));
  } finally {
    await emulator.close();
  }
}

test("they are two", () => {
  expect(sides.ours.RUN).not.toBe(sides.theirs.RUN);
  expect(Object.keys(sides.ours.RUN).length).toBeGreaterThan(40);
});

const { RUN } = await import(SNIPPETS);
test.each(Object.keys(RUN))("%s", async (name) => {
  const theirs = await seenBy(sides.theirs, name);
  expect(await seenBy(sides.ours, name)).toEqual(theirs);
});
