import { createFalClient } from "@fal-ai/client";
import { expect, test } from "vitest";
import { createFileStore } from "../../src/emulator/files.ts";
import { createUploads } from "../../src/emulator/uploads.ts";
import { json, stage } from "../support/stage.ts";

const REST = "https://rest.fal.ai/storage/upload";

test("the official client uploads to it, above 90 MiB in parts", async () => {
  const { emulator } = stage();
  const fal = createFalClient({
    credentials: "id:secret",
    fetch: (input, init) => emulator.fetch(new Request(input, init)),
  });
  const small = await fal.storage.upload(new File(["hello"], "a b.txt", { type: "text/plain" }));
  expect(await (await emulator.fetch(new Request(small))).text()).toBe("hello");

  const bytes = new Uint8Array(90 * 2 ** 20 + 1);
  for (let at = 0; at < bytes.length; at += 2 ** 20) bytes[at] = 1 + at / 2 ** 20;
  const large = await fal.storage.upload(new Blob([bytes], { type: "video/mp4" }));
  const got = await emulator.fetch(new Request(large));
  expect(got.headers.get("content-type")).toBe("video/mp4");
  expect(Buffer.from(await got.arrayBuffer()).equals(bytes)).toBe(true);
});

test("parts become a file only where the list names each of them, in order and with its etag", async () => {
  const { send } = stage();
  const announced = await json(await send("POST", `${REST}/initiate-multipart`, { body: {} }));
  const { origin, pathname, search } = new URL(String(announced["upload_url"]));
  const put = async (n: number, body: string) => {
    const answer = await send("PUT", `${origin}${pathname}/${n}${search}`, { body, anonymous: true });
    return (await answer.json()) as { partNumber: number; etag: string };
  };
  const complete = async (parts: unknown, query = search) =>
    (await send("POST", `${origin}${pathname}/complete${query}`, { body: { parts }, anonymous: true }))
      .status;

  await put(1, "a lost first try");
  const [two, one] = [await put(2, "world"), await put(1, "hello ")];
  expect(await complete([one])).toBe(400);
  expect(await complete([two, one])).toBe(400);
  expect(await complete([one, { ...two, etag: "x" }])).toBe(400);
  expect(await complete("all")).toBe(400);
  expect(await complete([one, two], "")).toBe(403);
  expect((await send("GET", String(announced["file_url"]))).status).toBe(404);
  expect(await complete([one, two])).toBe(200);
  expect(await (await send("GET", String(announced["file_url"]))).text()).toBe("hello world");
  expect(await complete([one, two])).toBe(400);
});

test("an upload is announced with a key only, and nothing is put where nothing was announced", async () => {
  const { send } = stage();
  for (const route of ["initiate", "initiate-multipart"]) {
    expect((await send("POST", `${REST}/${route}`, { body: {}, anonymous: true })).status).toBe(401);
  }
  expect((await send("PUT", "/files/nothing/a.bin/1?upload=signed", { body: "x" })).status).toBe(403);
});

test("a file in parts is no longer than others, and what nobody completes makes room", () => {
  const files = createFileStore(100);
  const uploads = createUploads(files);
  const bytes = (length: number) => new Uint8Array(length);
  for (const id of ["a", "b", "c"]) uploads.announce(id);
  expect(uploads.part("a", 1, bytes(60))).toMatchObject({ partNumber: 1 });
  expect(uploads.part("a", 2, bytes(41))).toBe("too large");
  // In place of the first one.
  expect(uploads.part("a", 1, bytes(100))).toMatchObject({ partNumber: 1 });
  expect(uploads.part("b", 1, bytes(60))).toMatchObject({ partNumber: 1 });
  expect(uploads.part("a", 1, bytes(1))).toBe("unknown");
  expect(uploads.part("b", 2, bytes(40))).toMatchObject({ partNumber: 2 });
  for (let n = 0; n < 1_000; n++) uploads.announce(`more-${n}`);
  expect([uploads.part("c", 1, bytes(1)), uploads.part("b", 3, bytes(1))]).toEqual(["unknown", "unknown"]);
});

test("a body without end is not read to its end", async () => {
  const { emulator } = stage();
  let sent = 0;
  const piece = new Uint8Array(2 ** 20);
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 1;
      controller.enqueue(piece);
    },
  });
  const init = { method: "PUT", body, duplex: "half" };
  const answer = await emulator.fetch(new Request("http://127.0.0.1:8787/files/a/b", init));
  expect(answer.status).toBe(413);
  expect(sent).toBeLessThan(140);
});
