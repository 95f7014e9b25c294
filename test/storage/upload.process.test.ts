import { memoryStore, type UploadOptions } from "fal-chain";
import { describe, expect, test } from "vitest";
import { ECHO, failureOf, KEY, type Setup, setup } from "../support/setup.ts";
import { kindOf, networkError, type Wire } from "../support/wire.ts";

const REST = "https://rest.fal.ai";
const picture = () => new Blob(["a picture"], { type: "image/png" });

const isPut = ({ method, url }: Request) => method === "PUT" && url.includes("/files/");
const puts = ({ sent }: Setup) => sent.filter(({ method }) => method === "PUT");
const announced = ({ sent }: Setup) => sent.filter(({ url }) => url.startsWith(REST));
const submits = ({ sent }: Setup) =>
  sent.filter((one) => kindOf(one) === "submit" && !one.url.startsWith(REST));
const fileAt = async ({ emulator }: Setup, url: unknown) => {
  const file = await emulator.fetch(new Request(String(url)));
  return { type: file.headers.get("content-type"), text: await file.text() };
};

describe("an upload", () => {
  test.each([
    ["a Blob", picture(), "image/png", /\.png$/],
    [
      "a File",
      new File(["a picture"], "my cat.webp", { type: "image/webp" }),
      "image/webp",
      /my%20cat\.webp$/,
    ],
    ["bytes", new TextEncoder().encode("a picture"), "application/octet-stream", /\.bin$/],
    ["an ArrayBuffer", new TextEncoder().encode("a picture").buffer, "application/octet-stream", /\.bin$/],
  ])("of %s gives a URL that has it", async (_, file, type, name) => {
    const world = setup();
    const url = await world.fal.storage.upload(file);
    expect(url).toMatch(name);
    expect(await fileAt(world, url)).toEqual({ type, text: "a picture" });
  });

  test("has the name, type and lifetime that it is given", async () => {
    const world = setup();
    const lifecycle = { expiresIn: "1h", initialAcl: { default: "hide" } } as const;
    const url = await world.fal.storage.upload(picture(), {
      filename: "a.txt",
      contentType: "text/plain",
      lifecycle,
    });
    expect(url).toMatch(/\/a\.txt$/);
    expect(await fileAt(world, url)).toMatchObject({ type: "text/plain" });
    expect(world.emulator.received[0]?.headers["x-fal-object-lifecycle"]).toBe(
      '{"expiration_duration_seconds":3600,"initial_acl":{"default":"hide"}}',
    );
  });

  test("is announced with the key, and put without it", async () => {
    const world = setup();
    await world.fal.storage.upload(picture());
    expect(world.sent.map(({ method, authorization }) => [method, authorization])).toEqual([
      ["POST", `Key ${KEY}`],
      ["PUT", null],
    ]);
  });

  test("goes on after broken connections, and takes another address where a repeat finds the first one spent", async () => {
    let broken = 0;
    const wire: Wire = async (request, forward) => {
      if (!isPut(request) || broken === 2) return forward();
      broken += 1;
      if (broken === 2) await forward(); // it arrives, and nobody hears of it
      throw networkError("ECONNRESET");
    };
    const world = setup({ wire });
    expect(await fileAt(world, await world.fal.storage.upload(picture()))).toMatchObject({
      text: "a picture",
    });
    expect([announced(world).length, puts(world).length]).toEqual([2, 4]);
  });

  test("that is refused twice is an error with the answer, and no third attempt", async () => {
    const world = setup({
      wire: (request, go) => (isPut(request) ? new Response("", { status: 403 }) : go()),
    });
    expect(await failureOf(world.fal.storage.upload(picture()))).toMatchObject({
      status: 403,
      billed: false,
    });
    expect(puts(world)).toHaveLength(2);
  });

  test("without permission is not announced again", async () => {
    const wire: Wire = () => Response.json({ detail: "no" }, { status: 403 });
    const world = setup({ wire });
    expect(await failureOf(world.fal.storage.upload(picture()))).toMatchObject({ status: 403 });
    expect(world.sent).toHaveLength(1);
  });

  test("takes no key to whatever address is announced", async () => {
    const answer = { upload_url: "https://evil.test/put?x=1", file_url: "https://cdn.test/a" };
    const world = setup({
      wire: (request) => (request.method === "PUT" ? new Response() : Response.json(answer)),
    });
    expect(await world.fal.storage.upload(picture())).toBe("https://cdn.test/a");
    expect(puts(world)).toMatchObject([{ url: "https://evil.test/put?x=1", authorization: null }]);
  });

  test("has a minute for an answer, and longer the more there is to send", async () => {
    const putsOf = async (bytes: number) => {
      const wire: Wire = async (request, forward) => {
        if (isPut(request) && puts(world).length === 1) await world.clock.sleep(100_000);
        return forward();
      };
      const world = setup({ wire });
      await world.fal.storage.upload(new Blob([new Uint8Array(bytes)]));
      return puts(world).length;
    };
    expect(await putsOf(10)).toBe(2);
    expect(await putsOf(5 * 2 ** 20)).toBe(1);
  });

  test("goes to no address in plain http", async () => {
    const answer = { upload_url: "http://cdn.test/a", file_url: "https://cdn.test/a" };
    const world = setup({ wire: () => Response.json(answer), retry: { maxRetries: 0 } });
    const error = await failureOf(world.fal.storage.upload(picture()));
    expect(error).toMatchObject({
      name: "MalformedReplyError",
      message: expect.stringContaining("not https"),
    });
    expect(puts(world)).toEqual([]);
  });

  test("ends at once when it is aborted, with the signal's reason", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const wire: Wire = (request, forward) => {
      if (isPut(request)) controller.abort(reason);
      return forward();
    };
    const world = setup({ wire });
    const { signal: abortSignal } = controller;
    expect(await failureOf(world.fal.storage.upload(picture(), { abortSignal }))).toBe(reason);
    expect(await failureOf(world.fal.storage.upload(picture(), { abortSignal }))).toBe(reason);
    expect([puts(world).length, world.clock.sleepers]).toEqual([1, 0]);
  });

  test("of something that is no file says what a file is", async () => {
    const { fal, sent } = setup();
    const error = await failureOf(fal.storage.upload("a.png" as unknown as Blob));
    expect(error).toMatchObject({ code: "invalid_argument", message: expect.stringContaining("Buffer") });
    expect(sent).toEqual([]);
  });

  test("above 90 MiB goes in parts of 10 MiB, a part being repeated by itself", async () => {
    let broken = false;
    const wire: Wire = (request, forward) => {
      if (!broken && isPut(request) && request.url.includes("/3?")) {
        broken = true;
        throw networkError("ECONNRESET");
      }
      return forward();
    };
    const world = setup({ wire });
    const bytes = new Uint8Array(91 * 2 ** 20);
    for (let at = 0; at < bytes.length; at += 2 ** 20) bytes[at] = at / 2 ** 20;
    const url = await world.fal.storage.upload(new Blob([bytes], { type: "video/mp4" }));
    const stored = await world.emulator.fetch(new Request(url));
    expect(Buffer.from(await stored.arrayBuffer()).equals(bytes)).toBe(true);
    expect([announced(world).length, puts(world).length]).toEqual([1, 11]);
    expect(new Set(world.sent.slice(1).map(({ authorization }) => authorization))).toEqual(new Set([null]));
  });

  test("tells how far it is, and goes on with the parts that are missing when it is tried again", async () => {
    const gone = new AbortController();
    const wire: Wire = (request, forward) => {
      if (isPut(request) && request.url.includes("/8?")) gone.abort(new Error("left"));
      return forward();
    };
    const warnings: unknown[] = [];
    const world = setup({ wire, logger: { warn: (of) => void warnings.push(of) } });
    const total = 91 * 2 ** 20;
    const film = new Blob([new Uint8Array(total).fill(7)], { type: "video/mp4" });
    const seen: number[] = [];
    const onProgress = (progress: { loaded: number; total: number }) => {
      expect(progress.total).toBe(total);
      seen.push(progress.loaded / 2 ** 20);
    };
    const upload = (options: UploadOptions) => world.fal.storage.upload(film, options);
    expect(await failureOf(upload({ onProgress, abortSignal: gone.signal }))).toMatchObject({
      message: "left",
    });
    const before = seen.splice(0).at(-1) ?? 0;
    expect(before).toBeGreaterThanOrEqual(50);
    const sent = puts(world).length;
    const url = await upload({ onProgress });
    expect([seen[0], seen.at(-1), announced(world).length]).toEqual([before, 91, 1]);
    const numbers = puts(world)
      .slice(sent)
      .map(({ url }) => Number(/(\d+)\?/.exec(url)?.[1]));
    // The virtual clock may run out on a part, which is then sent once more.
    expect(new Set(numbers).size).toBe(Math.ceil((91 - before) / 10));
    expect((await (await world.emulator.fetch(new Request(url))).blob()).size).toBe(total);
    // Sent as something else, it is another upload; and a listener that fails fails no upload.
    await upload({
      filename: "film.mp4",
      onProgress: () => {
        throw new Error("a broken bar");
      },
    });
    expect([announced(world).length, warnings.length > 0]).toEqual([2, true]);
    await expect(upload({ onProgres: () => {} } as UploadOptions)).rejects.toThrow("onProgress");
  });
});

describe("files in an input", () => {
  test("are uploaded wherever they are, before the submit, and replaced by their URLs", async () => {
    const world = setup();
    const twice = picture();
    const input = {
      image_url: twice,
      more: [{ url: twice }, new ArrayBuffer(3)],
      prompt: "a fox",
      none: undefined,
    };
    const { data } = await world.fal.subscribe(ECHO, { input });
    const { echo } = data as { echo: { image_url: string; more: [{ url: string }, string]; prompt: string } };
    expect(await fileAt(world, echo.image_url)).toEqual({ type: "image/png", text: "a picture" });
    expect(await fileAt(world, echo.more[1])).toMatchObject({ text: "\0\0\0" });
    expect(echo).toEqual({
      image_url: echo.image_url,
      more: [{ url: echo.image_url }, echo.more[1]],
      prompt: "a fox",
    });
    expect(puts(world)).toHaveLength(2);
    expect(world.sent.findIndex((one) => kindOf(one) === "submit" && !one.url.startsWith(REST))).toBe(4);
    expect(input.image_url).toBe(twice);
  });

  test("are bytes of every kind, as they were when the call was made, and of a view only what it shows", async () => {
    const world = setup();
    const whole = new TextEncoder().encode("some bytes here");
    const shared = new Uint8Array(new SharedArrayBuffer(15));
    shared.set(whole);
    const views = [
      Buffer.from(whole.buffer, 5, 5),
      whole.subarray(5, 10),
      new DataView(whole.buffer, 5, 5),
      shared.subarray(5, 10),
    ];
    const call = world.fal.subscribe(ECHO, { input: { views, all: shared.buffer } });
    whole.fill(0);
    shared.fill(0);
    const { data } = await call;
    const { echo } = data as { echo: { views: string[]; all: string } };
    const texts = await Promise.all(echo.views.map(async (url) => (await fileAt(world, url)).text));
    expect(texts).toEqual(["bytes", "bytes", "bytes", "bytes"]);
    expect(await fileAt(world, echo.all)).toMatchObject({ text: "some bytes here" });
  });

  test("are uploaded by queue.submit, stream and storage.transformInput too", async () => {
    let streamed = "";
    const wire: Wire = async (request, forward) => {
      if (!request.url.endsWith("/stream")) return forward();
      streamed = JSON.parse(await request.text()).image_url;
      return new Response('data: {"n":1}\n\n', { headers: { "content-type": "text/event-stream" } });
    };
    const world = setup({ wire });
    await (await world.fal.stream(ECHO, { input: { image_url: picture() } })).done();
    expect(await fileAt(world, streamed)).toMatchObject({ text: "a picture" });
    await world.fal.queue.submit(ECHO, { input: { image_url: picture() } });
    const submitted = world.emulator.jobs[0]?.input as { image_url: string };
    expect(await fileAt(world, submitted.image_url)).toMatchObject({ text: "a picture" });
    const transformed = (await world.fal.storage.transformInput({ a: [picture()] })) as { a: string[] };
    expect(await fileAt(world, transformed.a[0])).toMatchObject({ text: "a picture" });
  });

  test("that cannot be uploaded fail the call before anything is noted or paid", async () => {
    const store = memoryStore();
    const wire: Wire = (request, forward) => (isPut(request) ? new Response("", { status: 400 }) : forward());
    const world = setup({ wire, store });
    const call = world.fal.subscribe(ECHO, { input: { image_url: picture() } });
    expect(await failureOf(call)).toMatchObject({ name: "ApiError", status: 400, billed: false });
    expect([submits(world), world.emulator.jobs, await store.calls.list()]).toEqual([[], [], []]);
  });

  test.each([
    [{ image: picture(), scale: Number.NaN }, {}],
    [{ image: picture() }, { tags: { "BAD KEY": "x" } }],
    [{ image: picture() }, { startTimeout: 0 }],
    [{ image: picture() }, { webhookUrl: "ftp://x" }],
    [{ image: new Uint8Array(3), scale: Symbol("x") }, {}],
  ])("are not uploaded for a call that can never work: %o %o", async (input, options) => {
    const { fal, sent } = setup();
    await expect(fal.subscribe(ECHO, { input, ...options })).rejects.toMatchObject({ name: /Argument|Tag/ });
    expect(sent).toEqual([]);
  });

  test("live as long as the call's storage settings say, but not so short that the queue outlasts them", async () => {
    const lifetimeFor = async (expiresIn: "immediate" | "7d") => {
      const { fal, emulator } = setup();
      await fal.subscribe(ECHO, { input: { image: picture() }, storageSettings: { expiresIn } });
      const [upload] = emulator.received;
      const [job] = emulator.jobs;
      return [upload?.headers["x-fal-object-lifecycle"], job?.headers["x-fal-object-lifecycle-preference"]];
    };
    const seconds = (n: number) => `{"expiration_duration_seconds":${n}}`;
    expect(await lifetimeFor("immediate")).toEqual([seconds(86_400), seconds(60)]);
    expect(await lifetimeFor("7d")).toEqual([seconds(604_800), seconds(604_800)]);
  });

  test("stop uploading when the call is given up", async () => {
    const controller = new AbortController();
    const wire: Wire = (request, forward) => {
      if (isPut(request)) controller.abort();
      return forward();
    };
    const world = setup({ wire });
    const input = { files: Array.from({ length: 20 }, picture) };
    const error = await failureOf(world.fal.subscribe(ECHO, { input, abortSignal: controller.signal }));
    expect(error).toMatchObject({ name: "AbortError" });
    await world.fal.close();
    expect(announced(world).length).toBeLessThanOrEqual(4);
    expect([submits(world), world.clock.sleepers]).toEqual([[], 0]);
  });
});
