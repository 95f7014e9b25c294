import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createFal } from "fal-chain";
import { createEmulator, esrgan, fluxSchnell, recordTo, replayFrom } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO, failureOf, SMALL } from "../support/setup.ts";
import { tempDir } from "../support/temp.ts";

const KEY = "6f9619ff-8b86-4011-b42d-00c04fc964ff:0123456789abcdef0123456789abcdef";
const HERE = "http://127.0.0.1:8787";
const REAL = "http://real.test";
const KEPT_OUT = {
  signed: "https://bucket.test/cat.png?X-Amz-Signature=5ignature-0123456789",
  dated: "https://bucket.test/dog.png?until=un5igned",
  login: "https://ada:passw0rd-of-ada@elsewhere.test/x",
  api_key: "4pi-key-0123456789",
  nested: { accessToken: "t0ken-0123456789abc" },
  words: "see Bearer b3arer-0123456789 and eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLW9mLWFkYQ",
  code: Buffer.from(`x${KEY}`).toString("base64"),
};
const SECRETS =
  /0123456789|passw0rd|un5igned|5ignature|4pi-key|t0ken|b3arer|eyJ|c2lnbmF0|program-of|00c04fc964ff|MDEyMzQ1Njc|AxMjM0NTY3|wMTIzNDU2N/;

const models = [echo(), fluxSchnell, esrgan];

/** The real platform, played by another emulator, and a client that is recorded. */
function recorded() {
  const directory = tempDir();
  const real = createEmulator({ timeScale: 0, models });
  const recorder = recordTo(directory, {
    key: KEY,
    upstream: REAL,
    fetch: async (url, init) => real.fetch(new Request(url, init)),
  });
  return { directory, real, recorder, fal: client(recorder.fetch) };
}

const client = (answer: (request: Request) => Promise<Response>) =>
  createFal({
    env: { FAL_HOST: HERE, FAL_KEY: "program-of:program-of-01234" },
    fetch: (input, init) => answer(new Request(input, init)),
    retry: { baseDelay: 1 },
  });

type Client = ReturnType<typeof client>;

async function poster(fal: Client) {
  const picture = await fal.subscribe("fal-ai/flux/schnell", { input: SMALL });
  const image_url = picture.data.images[0]!.url;
  const { data, requestId } = await fal.subscribe("fal-ai/esrgan", { input: { image_url, scale: 2 } });
  return { width: data.image.width, requestId, url: data.image.url };
}

const textOf = (directory: string) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".json"))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"))
    .join("");

test("a chain is answered from its recording, with its files, and nothing is asked elsewhere", async () => {
  const { directory, real, recorder, fal } = recorded();
  const first = await poster(fal);
  await recorder.close();
  expect(new Set(real.received.map(({ headers }) => headers["authorization"]))).toContain(`Key ${KEY}`);

  const none = async () => new Response(null, { status: 500 });
  const replay = replayFrom(directory, { emulator: none, strict: true });
  const second = await poster(client(replay));
  expect(second).toMatchObject({ width: first.width, requestId: first.requestId });
  const file = await replay(new Request(second.url));
  const original = await real.fetch(new Request(first.url));
  expect(await file.bytes()).toEqual(await original.bytes());
  expect(file.headers.get("content-type")).toBe(original.headers.get("content-type"));
});

test("no key, token, signature or login is in any file of a recording", async () => {
  const { directory, recorder, fal } = recorded();
  await fal.subscribe(ECHO, {
    input: KEPT_OUT,
    webhookUrl: "https://ada.test/hook?token=t0ken-0123456789abc",
  });
  await fal.storage.upload(new Blob(["fox"], { type: "text/plain" }));
  const headers = { authorization: "Bearer program-of-another-0123456789", cookie: "session=0123456789abc" };
  await recorder.fetch(new Request(`${HERE}/rest/tokens/`, { method: "POST", headers, body: "{}" }));
  await recorder.close();
  const text = textOf(directory);
  expect(text).toContain("https://bucket.test/cat.png");
  expect(text).toContain(ECHO);
  expect(SECRETS.exec(text)?.[0]).toBeUndefined();
});

test("no secret is in a stream either, and only fal's own headers are kept", async () => {
  const directory = tempDir();
  const headers = {
    "content-type": "text/event-stream",
    "set-cookie": "s=0123456789",
    "x-fal-request-id": "r-1",
  };
  const events =
    'data: {"access_token":"short-0123456789","n":1}\n\ndata: see https://a.test/b?x=0123456789\n\n';
  const recorder = recordTo(directory, { key: KEY, fetch: async () => new Response(events, { headers }) });
  const answer = await recorder.fetch(
    new Request(`${HERE}/run/acme/words/stream`, { method: "POST", body: "{}" }),
  );
  expect(await answer.text()).toBe(events);
  await recorder.close();
  const text = textOf(directory);
  expect(text).toContain('\\"n\\":1');
  expect(text).toContain("r-1");
  expect(SECRETS.exec(text)?.[0]).toBeUndefined();
});

test("one submit more than was recorded is an error that says so, or the emulator's", async () => {
  const { directory, recorder, fal } = recorded();
  await fal.subscribe(ECHO, { input: { n: 1 } });
  await recorder.close();

  const emulator = createEmulator({ timeScale: 0, models });
  const strict = client(replayFrom(directory, { emulator: emulator.fetch, strict: true }));
  const ask = (n: number) => strict.subscribe(ECHO, { input: { n } });
  expect((await ask(1)).data).toEqual({ echo: { n: 1 } });
  expect(String(await failureOf(ask(1)))).toContain("was recorded once, and is asked once more");
  expect(String(await failureOf(ask(2)))).toContain('was recorded with other bodies: {"n":1}');
  expect(emulator.jobs).toEqual([]);

  const falling = client(replayFrom(directory, { emulator: emulator.fetch }));
  await falling.subscribe(ECHO, { input: { n: 1 } });
  expect(emulator.jobs).toEqual([]);
  await falling.subscribe(ECHO, { input: { n: 2 } });
  expect(emulator.jobs).toMatchObject([{ input: { n: 2 } }]);
});

test("what was uploaded is known again by its bytes", async () => {
  const { directory, recorder, fal } = recorded();
  const fox = () => new Blob(["fox"], { type: "text/plain" });
  await fal.subscribe(ECHO, { input: { file: await fal.storage.upload(fox()) } });
  await recorder.close();
  const emulator = createEmulator({ timeScale: 0, models });
  const again = client(replayFrom(directory, { emulator: emulator.fetch, strict: true }));
  await again.subscribe(ECHO, { input: { file: await again.storage.upload(fox()) } });
  const other = again.storage.upload(new Blob(["dog"], { type: "text/plain" }));
  expect(await failureOf(again.subscribe(ECHO, { input: { file: await other } }))).toMatchObject({
    status: 404,
  });
});

test("a directory without a recording is refused", () => {
  const directory = tempDir();
  const emulator = createEmulator();
  expect(() => replayFrom(directory, { emulator: emulator.fetch })).toThrow("There is no recording in");
});
