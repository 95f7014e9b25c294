import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFal, type Fal, memoryStore, type Store } from "fal-chain";
import { createEmulator, esrgan, fluxSchnell, virtualClock } from "fal-chain/emulator";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ENV, FLUX, failureOf, SMALL } from "../support/setup.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "fal-chain-files-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Clients over one store, and a file host that forgets when it is told to. */
function world() {
  const clock = virtualClock();
  const store: Store = { ...memoryStore({ clock }), name: "shared", durable: true };
  const emulator = createEmulator({ clock, models: [fluxSchnell, esrgan] });
  const lost = new Set<string>();
  const told: string[] = [];
  const client = (options: { keepFiles?: string } = {}): Fal =>
    createFal({
      env: ENV,
      clock,
      store,
      random: () => 0.5,
      logger: { warn: (_, message) => void told.push(message) },
      fetch: async (input, init) => {
        const request = new Request(input, init);
        return lost.has(request.url) ? new Response(null, { status: 404 }) : emulator.fetch(request);
      },
      ...options,
    });
  return { client, emulator, lost, told };
}

/** A picture, and later its upscale. */
const poster = (fal: Fal, bug: boolean) =>
  fal.chain("poster", async () => {
    const { data } = await fal.subscribe(FLUX, { input: SMALL, step: "picture" });
    const image_url = data.images[0].url;
    if (bug) throw new Error("a bug");
    const large = await fal.subscribe("fal-ai/esrgan", { input: { image_url } });
    return { image_url, large: large.data.image.url };
  });

test("what calls give is copied, whole, and results keep their URLs", async () => {
  const { client } = world();
  const fal = client({ keepFiles: dir });
  const { data } = await fal.subscribe(FLUX, { input: SMALL });
  await fal.close();
  const { url } = data.images[0];
  const path = (await fal.files.path(url)) ?? "";
  expect(path.startsWith(dir)).toBe(true);
  expect(readdirSync(dir)).toHaveLength(1);
  expect(new Uint8Array(await (await fal.files.read(url)).arrayBuffer())).toEqual(
    new Uint8Array(readFileSync(path)),
  );
  // Without a directory nothing is kept, and a file is read where it is.
  const other = client();
  expect(await other.files.path(url)).toBeUndefined();
  expect((await other.files.read(url)).size).toBe(readFileSync(path).length);
});

test("a file that fal has let go is uploaded again from its copy, and no step is paid for twice", async () => {
  const { client, emulator, lost } = world();
  const first = client({ keepFiles: dir });
  await failureOf(poster(first, true).start(undefined, { id: "a" }));
  await first.close();
  const made = (await first.calls.list())[0]?.outcome?.data as { images: { url: string }[] };
  lost.add(made.images[0]?.url ?? "");

  const output = await poster(client({ keepFiles: dir }), false).resume("a");
  expect(output.image_url).toBe(made.images[0]?.url);
  expect(emulator.jobs.map(({ endpoint }) => endpoint)).toEqual([FLUX, "fal-ai/esrgan"]);
  expect(emulator.jobs[1]?.input).not.toMatchObject({ image_url: output.image_url });
});

test("a file that is gone and was not kept is an error before the next call is paid, naming the step and the cure", async () => {
  const { client, emulator, lost } = world();
  await failureOf(poster(client(), true).start(undefined, { id: "a" }));
  const fal = client();
  const made = (await fal.calls.list())[0]?.outcome?.data as { images: { url: string }[] };
  lost.add(made.images[0]?.url ?? "");
  const error = await failureOf(poster(fal, false).resume("a"));
  expect(error).toMatchObject({ name: "FileExpiredError", code: "file_expired", step: "picture" });
  expect((error as Error).message).toContain("keepFiles");
  expect(emulator.jobs).toHaveLength(1);
  expect(await failureOf(fal.files.read(made.images[0]?.url ?? ""))).toMatchObject({ code: "file_expired" });
});

test("a file that cannot be copied is told of, and fails nothing", async () => {
  const { client, told } = world();
  const fal = client({ keepFiles: join(dir, "file", "below") });
  writeFileSync(join(dir, "file"), "not a directory");
  await fal.subscribe(FLUX, { input: SMALL });
  await fal.close();
  expect(told.some((line) => line.includes("could not be kept"))).toBe(true);
  expect(existsSync(join(dir, "file", "below"))).toBe(false);
});
