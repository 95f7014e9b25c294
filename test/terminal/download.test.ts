import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { download, filesIn } from "fal-chain/terminal";
import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

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
afterEach(() => rm(folder, { recursive: true }));

test("files are saved under their names, with the ending of their type or URL", async () => {
  const files = { a: `${CDN}/fox.bin`, b: `${CDN}/scene.glb`, c: "data:image/webp;base64,Zm94" };
  const saved = await download(files, join(folder, "new"));
  expect(saved).toEqual(["a.png", "b.glb", "c.webp"].map((name) => join(folder, "new", name)));
  expect(await readFile(join(folder, "new", "c.webp"), "utf8")).toBe("fox");
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
