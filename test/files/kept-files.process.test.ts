import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFal, type Fal, type KeepFiles, memoryStore, type Store } from "fal-chain";
import { createEmulator, esrgan, fluxSchnell, virtualClock } from "fal-chain/emulator";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { urlsIn } from "../../src/base/urls.ts";
import { echo } from "../support/models.ts";
import { ECHO, ENV, FLUX, failureOf, SMALL } from "../support/setup.ts";

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

const MEDIA = "https://v3.fal.media/files/a/";

/** A client whose one model gives these files, and hosts that answer as they like. */
function hostile(
  urls: readonly string[],
  answer: (url: string) => Response | Promise<Response>,
  keep: Omit<KeepFiles, "directory"> = {},
) {
  const clock = virtualClock({ auto: false });
  const emulator = createEmulator({ clock, models: [echo()] });
  const asked: string[] = [];
  const told: string[] = [];
  const fal = createFal({
    env: ENV,
    clock,
    random: () => 0.5,
    keepFiles: { directory: dir, ...keep },
    logger: {
      warn: (details, message) => {
        const { err } = details as { err?: { message?: string } };
        told.push(`${message}: ${err?.message}`);
      },
    },
    fetch: async (input, init) => {
      const request = new Request(input, init);
      if (/\.fal\.run$|\.fal\.ai$/.test(new URL(request.url).hostname)) return emulator.fetch(request);
      expect(request.headers.get("authorization")).toBeNull();
      expect(request).toMatchObject({ redirect: "manual", cache: "no-store" });
      asked.push(request.url);
      return answer(request.url);
    },
  });
  const until = async <T>(promise: PromiseLike<T>, stepMs = 500): Promise<T> => {
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    promise.then(end, end);
    while (!isOver) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      await clock.advance(stepMs);
    }
    return promise;
  };
  const call = () => until(fal.subscribe(ECHO, { input: { files: urls.map((url) => ({ url })) } }));
  return { fal, clock, asked, told, until, call };
}

const redirect = (location: string, status = 302) => new Response(null, { status, headers: { location } });

/** A body of these many pieces of 64 KB; it never ends where it is not told to. */
function long(pieces: number, onPull = async (_: number) => {}) {
  let pulled = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        await onPull(pulled);
        if (pulled === pieces) return controller.close();
        pulled += 1;
        controller.enqueue(new Uint8Array(65_536).fill(pulled));
      },
    },
    { highWaterMark: 0 },
  );
  return { body, pulled: () => pulled };
}

/** A picture, and later its upscale. */
const poster = (fal: Fal, bug: boolean) =>
  fal.chain("poster", async () => {
    const { data } = await fal.subscribe(FLUX, { input: SMALL, step: "picture" });
    const image_url = data.images[0]!.url;
    if (bug) throw new Error("a bug");
    const large = await fal.subscribe("fal-ai/esrgan", { input: { image_url } });
    return { image_url, large: large.data.image.url };
  });

test("a reused result's file that fal has let go of is uploaded from its copy, and counts as the one it was", async () => {
  const { client, emulator, lost } = world();
  const fal = client({ keepFiles: dir });
  const draw = async (reuse: { reuse?: object }, by = fal) => {
    const { data } = await by.subscribe(FLUX, { input: SMALL, ...reuse });
    const image_url = data.images[0]!.url;
    await by.subscribe("fal-ai/esrgan", { input: { image_url }, ...reuse });
    return image_url;
  };
  const url = await draw({});
  await fal.close();
  lost.add(url);
  const again = await draw({ reuse: {} });
  expect(again).not.toBe(url);
  const bytes = async (at: string) =>
    new Uint8Array(await (await emulator.fetch(new Request(at))).arrayBuffer());
  expect(await bytes(again)).toEqual(new Uint8Array(readFileSync((await fal.files.path(url)) ?? "")));
  expect((await emulator.fetch(new Request(again))).headers.get("content-type")).toMatch("image/");
  // It is not uploaded a second time.
  expect(await draw({ reuse: {} })).toBe(again);
  expect(emulator.jobs).toHaveLength(2);
  // Where there is no copy, the call is paid for again.
  await draw({ reuse: {} }, client());
  expect(emulator.jobs.map(({ endpoint }) => endpoint)).toEqual([FLUX, "fal-ai/esrgan", FLUX]);
});

test("what calls give is copied, whole, and results keep their URLs", async () => {
  const { client } = world();
  const fal = client({ keepFiles: dir });
  const { data } = await fal.subscribe(FLUX, { input: SMALL });
  await fal.close();
  const { url } = data.images[0]!;
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

test.each([
  "http://127.0.0.1:9200/_search",
  "http://169.254.169.254/latest/meta-data",
  "https://v3.fal.media.example.com/a.png",
  "https://v3.fal.media:8443/a.png",
  "http://v3.fal.media/a.png",
  "file:///etc/passwd",
])("a file that leads to %s is neither followed nor kept", async (elsewhere) => {
  const url = `${MEDIA}a.png`;
  const { fal, asked, told, call, until } = hostile([url], () => redirect(elsewhere));
  await call();
  await until(fal.close());
  expect(asked).toEqual([url]);
  expect(told).toEqual([expect.stringContaining("which is not asked")]);
  expect(readdirSync(dir)).toEqual([]);
  expect(await until(failureOf(fal.files.read(url)))).toMatchObject({ code: "network" });
});

test("a file in this machine's network is not asked for", async () => {
  const { fal, asked, until } = hostile([], () => new Response("secret"));
  for (const url of [
    "http://169.254.169.254/latest/meta-data",
    "http://db:5432/",
    "http://[::1]:9200/_search",
  ]) {
    expect(String(await until(failureOf(fal.files.read(url))))).toContain("own network");
  }
  expect(asked).toEqual([]);
});

test("a file is followed from one of fal's hosts to another, and not for ever", async () => {
  const { fal, asked, told, call, until } = hostile([`${MEDIA}a.png`, `${MEDIA}loop.png`], (url) => {
    if (url.endsWith("loop.png")) return redirect("/files/a/loop.png", 307);
    return url.includes("v3b") ? new Response("fox") : redirect("https://v3b.fal.media/files/a/b.png");
  });
  await call();
  await until(fal.close());
  expect(asked.filter((url) => url.endsWith("loop.png"))).toHaveLength(6);
  expect(told).toEqual([expect.stringContaining("HTTP 307")]);
  expect(readdirSync(dir)).toHaveLength(1);
  expect(await (await fal.files.read(`${MEDIA}a.png`)).text()).toBe("fox");
});

test.each([
  ["says so", { "content-length": "200000" }],
  ["does not say so", undefined],
])("a file that is too long and %s is not kept, and not read to its end", async (_, headers) => {
  const url = `${MEDIA}a.bin`;
  const bodies: ReturnType<typeof long>[] = [];
  const answer = () => {
    const made = long(Number.POSITIVE_INFINITY);
    bodies.push(made);
    return new Response(made.body, headers && { headers });
  };
  const { fal, told, call, until } = hostile([url], answer, { maxBytes: 150_000 });
  await call();
  await until(fal.close());
  expect(told).toEqual([expect.stringContaining("Allow more with maxBytes")]);
  expect(readdirSync(dir)).toEqual([]);
  expect(await until(failureOf(fal.files.read(url)))).toMatchObject({ code: "network" });
  expect(bodies.map(({ pulled }) => pulled())).toEqual(headers ? [0, 0] : [3, 3]);
});

test("a file that drips is given up in time, and leaves nothing", async () => {
  const drips = () => {
    const { body } = long(Number.POSITIVE_INFINITY, () => clock.sleep(1_000));
    return new Response(body);
  };
  const { fal, clock, told, call, until } = hostile([`${MEDIA}a.bin`], drips, { timeout: 20_000 });
  await call();
  const before = clock.now();
  // The disk takes real time, in which the clock runs on.
  await until(
    (async () => {
      while (told.length === 0) await new Promise(setImmediate);
    })(),
  );
  expect(clock.now() - before).toBeLessThan(100_000);
  expect(told).toEqual([expect.stringContaining("did not come within 20 s")]);
  expect(readdirSync(dir)).toEqual([]);
  await until(fal.close());
});

test("a host that falls silent is given up after a minute, though nobody closes the client", async () => {
  const silent = () => new Response(long(9, (n) => (n < 2 ? Promise.resolve() : new Promise(() => {}))).body);
  const { clock, told, call, until } = hostile([`${MEDIA}a.bin`], silent);
  await call();
  const before = clock.now();
  const isTold = async () => {
    while (told.length === 0) await new Promise(setImmediate);
  };
  await until(isTold());
  expect(clock.now() - before).toBeLessThan(300_000);
  expect(told).toEqual([expect.stringContaining("nothing came for 60 s")]);
  expect([readdirSync(dir), clock.sleepers]).toEqual([[], 0]);
});

test.each([
  ["never answers", () => new Promise<Response>(() => {})],
  [
    "stops in the middle",
    () => new Response(long(9, (n) => (n < 2 ? Promise.resolve() : new Promise(() => {}))).body),
  ],
])("close waits seconds for a file whose host %s, and leaves nothing of it", async (_, answer) => {
  const { fal, clock, told, call, until } = hostile([`${MEDIA}a.bin`], answer);
  await call();
  const before = clock.now();
  await until(fal.close());
  expect(clock.now() - before).toBeGreaterThanOrEqual(10_000);
  expect(clock.now() - before).toBeLessThan(100_000);
  expect(told).toEqual([expect.stringContaining("its client was closed")]);
  expect(readdirSync(dir)).toEqual([]);
  expect(clock.sleepers).toBe(0);
});

test("what a killed process has left of a copy is taken away, once nobody can be at it", async () => {
  const names = ["old", "new"].map((name) => `0123456789abcdef-${name}.png.01234567.part`);
  for (const name of [...names, "notes.part"]) writeFileSync(join(dir, name), "fo");
  const yesterday = new Date(Date.now() - 24 * 60 * 60_000);
  for (const name of [names[0] ?? "", "notes.part"]) utimesSync(join(dir, name), yesterday, yesterday);
  const { fal, call, until } = hostile([`${MEDIA}a.png`], () => new Response("fox"));
  await call();
  await until(fal.close());
  const left = readdirSync(dir).filter((name) => name.endsWith(".part"));
  expect(left.sort()).toEqual([names[1], "notes.part"]);
});

test("a file goes to the disk as it comes, and is there under its name when it is whole", async () => {
  const sizes: number[] = [];
  const onPull = async () => {
    const [name = ""] = readdirSync(dir);
    if (name === "") return;
    expect(name).toMatch(/-a\.bin\.[0-9a-f]{8}\.part$/);
    sizes.push(statSync(join(dir, name)).size);
  };
  const { fal, call, until } = hostile([`${MEDIA}a.bin`], () => new Response(long(20, onPull).body));
  await call();
  await until(fal.close());
  // What has come is on the disk before more is asked for.
  expect(sizes.slice(-3)).toEqual([18, 19, 20].map((pieces) => pieces * 65_536));
  const path = (await fal.files.path(`${MEDIA}a.bin`)) ?? "";
  expect([statSync(path).size, readdirSync(dir).length]).toEqual([20 * 65_536, 1]);
});

test("a copy is this user's only, and a link in its place is not followed", async () => {
  const before = process.umask(0);
  onTestFinished(() => void process.umask(before));
  const { fal, call, until } = hostile([`${MEDIA}a.bin`], () => new Response("a picture"));
  await call();
  await until(fal.close());
  const path = (await fal.files.path(`${MEDIA}a.bin`)) ?? "";
  expect(statSync(path).mode & 0o777).toBe(0o600);
  rmSync(path);
  symlinkSync("/etc/hostname", path);
  expect(await fal.files.path(`${MEDIA}a.bin`)).toBeUndefined();
});

test.each(["..%2f..%2fetc%2fpasswd", "%", "%zz%00.png", "a b\u202egnp.exe", `${"x".repeat(400)}.png`, "-rf"])(
  "a file named %j is kept under a name that is one",
  async (name) => {
    const { fal, told, call, until } = hostile([MEDIA + name], () => new Response("fox"));
    await call();
    await until(fal.close());
    expect(told).toEqual([]);
    expect(readdirSync(dir)).toEqual([expect.stringMatching(/^[0-9a-f]{16}-[\w.-]{1,80}$/)]);
  },
);

test("files in an output that is too deep to be walked by recursion are found, and too many of them are said", async () => {
  const urls = Array.from({ length: 600 }, (_, n) => `${MEDIA}${n}`);
  const { fal, told, asked, call, until } = hostile(urls, () => new Response("fox"));
  await call();
  await until(fal.close());
  expect(asked).toHaveLength(500);
  expect(told).toEqual([expect.stringContaining("100 files of a result are not kept")]);
  let deep: unknown = { url: `${MEDIA}deep` };
  for (let level = 0; level < 20_000; level++) deep = [deep];
  expect([...urlsIn(deep)].map(([url]) => url)).toEqual([`${MEDIA}deep`]);
});

test.each([{ maxBytes: Number.NaN }, { maxBytes: 0 }, { timeout: -1 }])(
  "%j, which bounds nothing, is refused",
  (bounds) => {
    expect(() => hostile([], () => new Response(), bounds)).toThrow(Object.keys(bounds)[0]);
  },
);
