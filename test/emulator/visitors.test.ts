import { createServer, type IncomingHttpHeaders, request as send } from "node:http";
import {
  type EmulatorServer,
  esrgan,
  type ServeOptions,
  serveEmulator,
  virtualClock,
} from "fal-chain/emulator";
import { afterEach, expect, onTestFinished, test } from "vitest";
import { echo } from "../support/models.ts";

const KEY = { authorization: "Key a:b", "content-type": "application/json" };
const open: EmulatorServer[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

async function serve(options: ServeOptions = {}) {
  const server = await serveEmulator({ clock: virtualClock(), models: [echo()], ...options });
  open.push(server);
  const port = Number(new URL(server.url).port);
  /** As nothing but a browser, or somebody who pretends to be one, would ask. */
  const ask = (path: string, headers: Record<string, string> = {}, method = "GET", body = "") =>
    new Promise<{ status: number | undefined; headers: IncomingHttpHeaders; text: string }>(
      (resolve, reject) => {
        const options = {
          host: "127.0.0.1",
          port,
          path,
          method,
          headers: { host: `127.0.0.1:${port}`, ...headers },
        };
        const sent = send(options, async (response) => {
          const text = (await response.setEncoding("utf8").toArray()).join("");
          resolve({ status: response.statusCode, headers: response.headers, text });
        });
        sent.on("error", reject).end(body);
      },
    );
  return { ...server, port, ask };
}

test.each([
  ["evil.example", 421],
  ["127.0.0.1.evil.example", 421],
  ["localhost.evil.example", 421],
  ["evil-localhost", 421],
  ["queue.fal.run.evil.example", 421],
  ["constructor", 421],
  ["localhost", 200],
  ["app.localhost", 200],
  ["127.0.0.1", 200],
  ["[::1]", 200],
  ["192.168.1.5", 200],
])("asked as %s it answers %d", async (name, status) => {
  const { ask, port } = await serve();
  const answer = await ask("/health", { host: `${name}:${port}` });
  expect(answer.status).toBe(status);
  if (status === 421) {
    expect(answer.text).toContain("serveEmulator({ hosts: [name] })");
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
  }
});

test("fal's own hosts are answered, and names that it was given", async () => {
  const { ask, port } = await serve({ hosts: ["emulator"] });
  expect((await ask("/health", { host: `emulator:${port}` })).status).toBe(200);
  expect((await ask("/acme/echo", { host: "queue.fal.run", ...KEY }, "POST", "{}")).status).toBe(200);
  // What a proxy is asked for: the name stands in the address too.
  expect((await ask("http://evil.example/health")).status).toBe(421);
  expect((await ask("http://127.0.0.1/health", { host: "evil.example" })).status).toBe(421);
});

const PREFLIGHT = {
  "access-control-request-method": "POST",
  "access-control-request-headers": "authorization",
};

test.each([
  "https://evil.example",
  "null",
  "http://127.0.0.1.evil.example",
  "http://10.0.0.9:3000",
  "file://",
])("a page of %s reads nothing, and has it do nothing", async (origin) => {
  const { ask, emulator } = await serve();
  const asked = [
    await ask("/health", { origin }),
    await ask("/queue/acme/echo", { origin, ...PREFLIGHT }, "OPTIONS"),
    await ask("/queue/acme/echo?fal_webhook=http://127.0.0.1:9/", { origin, ...KEY }, "POST", "{}"),
    await ask("/files/a/b.png", { origin }),
    // Through a proxy no key is needed.
    await ask("/x", { origin, "x-fal-target-url": "https://queue.fal.run/acme/echo" }, "POST", "{}"),
  ];
  for (const { status, headers } of asked) {
    expect([status, headers["access-control-allow-origin"]]).toEqual([403, undefined]);
  }
  expect(emulator.jobs).toEqual([]);
});

test("pages of this machine are answered, and others that it was told of", async () => {
  const { ask, port } = await serve({ origins: ["https://preview.example/"] });
  const own = [
    "http://localhost:3000",
    "http://127.0.0.1:5173",
    "https://app.localhost",
    `http://127.0.0.1:${port}`,
  ];
  for (const origin of [...own, "https://preview.example"]) {
    const preflight = await ask("/queue/acme/echo", { origin, ...PREFLIGHT }, "OPTIONS");
    expect([preflight.status, preflight.headers["access-control-allow-origin"]]).toEqual([204, "*"]);
    expect((await ask("/queue/acme/echo", { origin, ...KEY }, "POST", "{}")).status).toBe(200);
  }
});

test("a page that asks without saying where it is from sees pictures and follows links, and no more", async () => {
  const { ask } = await serve();
  const from = (site: string, mode: string) => ({ "sec-fetch-site": site, "sec-fetch-mode": mode });
  expect((await ask("/health", from("cross-site", "no-cors"))).status).toBe(403);
  expect(
    (await ask("/queue/acme/echo", { ...from("same-site", "no-cors"), ...KEY }, "POST", "{}")).status,
  ).toBe(403);
  expect((await ask("/health", from("cross-site", "navigate"))).status).toBe(200);
  expect((await ask("/files/none/b.png", from("cross-site", "no-cors"))).status).toBe(404);
  expect((await ask("/health", from("none", "navigate"))).status).toBe(200);
});

test("a file that was uploaded is never a page, nor one that a browser guesses", async () => {
  const { ask, url } = await serve();
  const upload = async (type: string) => {
    const body = JSON.stringify({ content_type: type, file_name: "a.bin" });
    const announced = await ask("/rest/storage/upload/initiate", KEY, "POST", body);
    if (announced.status !== 200) return announced;
    const { upload_url } = JSON.parse(announced.text) as { upload_url: string };
    expect(upload_url.startsWith(url)).toBe(true);
    await fetch(upload_url, { method: "PUT", body: "<script>alert(1)</script>" });
    return ask(new URL(upload_url).pathname);
  };
  for (const type of [
    "text/html",
    "image/svg+xml",
    "application/xhtml+xml",
    "",
    "image/png2",
    "IMAGE/SVG+XML",
  ]) {
    const { headers } = await upload(type);
    expect(headers["content-disposition"]).toBe("attachment");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["content-security-policy"]).toContain("sandbox");
  }
  for (const type of ["image/png", "video/mp4", "audio/mpeg; x=y"]) {
    const { headers } = await upload(type);
    expect(headers["content-disposition"]).toBeUndefined();
    expect(headers["x-content-type-options"]).toBe("nosniff");
  }
  expect((await upload("text/html\r\nset-cookie: a=b")).status).toBe(422);
});

/** Something of this machine that is no business of a model's. */
async function neighbour() {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.end("secret");
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  return { asked, port: (server.address() as { port: number }).port };
}

test.each(["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0x7f.1", "127.1", "0.0.0.0", "a.localhost"])(
  "an input file of %s is not asked for: fal could not reach it either",
  async (host) => {
    const { asked, port } = await neighbour();
    const { emulator, ask } = await serve({ models: [esrgan], timeScale: 0 });
    const body = JSON.stringify({ image_url: `http://${host}:${port}/_search` });
    expect((await ask("/queue/fal-ai/esrgan", KEY, "POST", body)).status).toBe(200);
    await expect.poll(() => emulator.jobs[0]?.state).toBe("COMPLETED");
    expect(emulator.jobs[0]?.result).toMatchObject({
      status: 422,
      body: {
        detail: [{ type: "file_download_error", msg: expect.stringContaining("Upload the file instead") }],
      },
    });
    expect(asked).toEqual([]);
  },
);

test.each([
  "169.254.169.254",
  "10.0.0.1",
  "192.168.0.1",
  "172.31.0.1",
  "[fd00::1]",
  "[fe80::1]",
  "100.64.0.1",
])("nor one of %s", async (host) => {
  const { emulator, ask } = await serve({ models: [esrgan], timeScale: 0 });
  const body = JSON.stringify({ image_url: `http://${host}/latest/meta-data` });
  await ask("/queue/fal-ai/esrgan", KEY, "POST", body);
  await expect.poll(() => emulator.jobs[0]?.state).toBe("COMPLETED");
  expect(JSON.stringify(emulator.jobs[0]?.result)).toContain("which fal cannot reach");
});

test("a webhook of a program's call does come to a server of this machine", async () => {
  const { asked, port } = await neighbour();
  const { ask } = await serve();
  await ask(`/queue/acme/echo?fal_webhook=http://127.0.0.1:${port}/hook`, KEY, "POST", "{}");
  await expect.poll(() => asked).toEqual(["POST /hook"]);
});

test("whom it answers is given as lists", async () => {
  for (const wrong of [{ hosts: "emulator" }, { origins: "https://a.test" }, { host: "" }, { port: -1 }]) {
    const [name = ""] = Object.keys(wrong);
    await expect(serve(wrong as unknown as ServeOptions)).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining(`${name} is `),
    });
  }
});
