import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { virtualClock } from "fal-chain/emulator";
import { download, filesIn } from "fal-chain/terminal";
import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";

const CDN = "https://v3.fal.media/files";
const server = setupServer(
  http.get(`${CDN}/fox.bin`, () => HttpResponse.text("fox", { headers: { "content-type": "image/png" } })),
  http.get(`${CDN}/scene.glb`, () => HttpResponse.text("3d", { headers: { "content-type": "model/x" } })),
  http.get(`${CDN}/gone.png`, () => new HttpResponse(null, { status: 404 })),
  http.get(`${CDN}/endless.png`, ({ request }) => {
    const body = new ReadableStream({
      start: (controller) => {
        controller.enqueue(new Uint8Array(10));
        request.signal.addEventListener("abort", () => controller.error(request.signal.reason));
      },
    });
    return new HttpResponse(body);
  }),
);
beforeAll(() => server.listen({ onUnhandledFrame: "error" }));
afterAll(() => server.close());

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fal-chain-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  return rm(folder, { recursive: true });
});

test("files are saved under their names, with the ending of their type or URL", async () => {
  const files = { a: `${CDN}/fox.bin`, b: `${CDN}/scene.glb`, c: "data:image/webp;base64,Zm94" };
  const saved = await download(files, join(folder, "new"));
  expect(saved).toEqual(["a.png", "b.glb", "c.webp"].map((name) => join(folder, "new", name)));
  expect(await readFile(join(folder, "new", "c.webp"), "utf8")).toBe("fox");
});

test.each(["constructor", "__proto__", "toString; charset=x"])(
  "a file of the type %s has no ending but its URL's",
  async (type) => {
    server.use(http.get(`${CDN}/odd`, () => HttpResponse.text("x", { headers: { "content-type": type } })));
    expect(await download({ a: `${CDN}/odd` }, folder)).toEqual([join(folder, "a")]);
  },
);

/** A neighbour of this machine, which trusts whoever asks it. */
function neighbour(): { asked: number } {
  const told = { asked: 0 };
  server.use(
    http.get("http://127.0.0.1:9200/_search", () => {
      told.asked += 1;
      return HttpResponse.text("secret");
    }),
  );
  return told;
}

test("a file is followed to fal's hosts and those of other files, and to nobody else", async () => {
  const to = (location: string) => new HttpResponse(null, { status: 302, headers: { location } });
  const told = neighbour();
  server.use(
    http.get("https://cdn.test/a.png", () => to("https://v3b.fal.media/files/b.png")),
    http.get("https://v3b.fal.media/files/b.png", () => HttpResponse.text("fox")),
    http.get("https://cdn.test/inside.png", () => to("http://127.0.0.1:9200/_search")),
  );
  const saving = download({ a: "https://cdn.test/a.png", b: "https://cdn.test/inside.png" }, folder);
  await expect(saving).rejects.toThrow("leads to http://127.0.0.1:9200, which is not asked");
  expect([await readdir(folder), told.asked]).toEqual([["a.png"], 0]);
});

test("what the output names in this machine's network is asked only where the program itself has set it", async () => {
  const told = neighbour();
  const files = { a: `${CDN}/fox.bin`, b: "http://127.0.0.1:9200/_search" };
  await expect(download(files, folder)).rejects.toThrow("in this machine's own network");
  // Nor is it where another file leads to it.
  server.use(
    http.get(
      "https://cdn.test/c",
      () => Response.redirect("http://127.0.0.1:9200/_search") as HttpResponse<null>,
    ),
  );
  await expect(download({ ...files, c: "https://cdn.test/c" }, folder)).rejects.toThrow("own network");
  expect(told.asked).toBe(0);

  const origins = new Set(["http://127.0.0.1:9200"]);
  await download({ b: files.b }, folder, { origins });
  vi.stubEnv("FAL_HOST", "127.0.0.1:9200");
  await download({ b: files.b }, folder);
  expect(told.asked).toBe(2);
});

test("a file that is too long, and one whose host falls silent, are given up and leave nothing", async () => {
  const clock = virtualClock({ auto: false });
  server.use(http.get(`${CDN}/long.png`, () => HttpResponse.text("x".repeat(101))));
  await expect(download({ a: `${CDN}/long.png` }, folder, { maxBytes: 100 })).rejects.toThrow("maxBytes");
  const saving = download({ a: `${CDN}/endless.png` }, folder, { clock });
  saving.catch(() => {});
  await expect.poll(() => readdir(folder)).toHaveLength(1);
  await expect.poll(() => clock.sleepers).toBe(1);
  await clock.advance(60_000);
  await expect(saving).rejects.toThrow("nothing came for 60 s");
  expect([await readdir(folder), clock.sleepers]).toEqual([[], 0]);
});

test("a file that drips is given up in time, and leaves nothing", async () => {
  const clock = virtualClock();
  const pull = async (to: ReadableStreamDefaultController) => {
    await clock.sleep(50_000);
    to.enqueue(new Uint8Array(1));
  };
  server.use(http.get(`${CDN}/drips.png`, () => new HttpResponse(new ReadableStream({ pull }))));
  const saving = download({ a: `${CDN}/drips.png` }, folder, { clock, timeout: 600_000 });
  await expect(saving).rejects.toThrow("it did not come within 600 s");
  expect(await readdir(folder)).toEqual([]);
});

test("a file that cannot be had is named, and does not stop the others", async () => {
  const saving = download({ gone: `${CDN}/gone.png`, fox: `${CDN}/fox.bin` }, folder);
  await expect(saving).rejects.toThrow(/gone\.png could not be had \(HTTP 404\)/);
  expect(await readdir(folder)).toEqual(["fox.png"]);
});

test("a file that breaks off leaves nothing behind", async () => {
  const leaving = new AbortController();
  const saving = download({ a: `${CDN}/endless.png` }, folder, { signal: leaving.signal });
  saving.catch(() => {});
  await expect.poll(() => readdir(folder)).toHaveLength(1);
  leaving.abort(new DOMException("SIGINT", "AbortError"));
  await expect(saving).rejects.toMatchObject({ name: "AbortError" });
  expect(await readdir(folder)).toEqual([]);
});

test("an output's files are found wherever they stand, each under a name of its own", () => {
  const output = {
    images: [{ url: `${CDN}/1.png`, width: 8 }, { url: `${CDN}/2.png` }],
    mask: { url: "data:image/png;base64,AAAA" },
    "../../etc": { url: `${CDN}/3.png` },
    "__ __etc": { url: `${CDN}/4.png` },
    page: { url: "javascript:alert(1)", nested: [{ video: { url: "https://x.test/v.mp4" } }] },
    seed: 7,
    nothing: null,
  };
  expect(filesIn(output)).toEqual({
    "images-0": `${CDN}/1.png`,
    "images-1": `${CDN}/2.png`,
    mask: "data:image/png;base64,AAAA",
    _etc: `${CDN}/3.png`,
    _____etc: `${CDN}/4.png`,
    "page-nested-0-video": "https://x.test/v.mp4",
  });
  expect(filesIn({ "a b": { url: `${CDN}/1` }, "a/b": { url: `${CDN}/2` } })).toEqual({
    a_b: `${CDN}/1`,
    "a_b-2": `${CDN}/2`,
  });
  expect(filesIn({ url: `${CDN}/1` })).toEqual({ file: `${CDN}/1` });
});
