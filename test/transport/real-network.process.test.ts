import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { createFal } from "fal-chain";
import { expect, test } from "vitest";
import { ECHO, ENV, failureOf } from "../support/setup.ts";

// The runtime's own fetch over real sockets: what the failures above are made from.

async function listening(onConnection: (socket: import("node:net").Socket) => void = () => {}) {
  const server = createServer(onConnection).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  const fal = createFal({
    ambiguousSubmit: "throw",
    env: { ...ENV, FAL_HOST: `127.0.0.1:${port}` },
    retry: { maxRetries: 2, baseDelay: 0 },
  });
  return { fal, close, port };
}

test("a refused connection is repeated, then a NetworkError that names address and variable", async () => {
  const { fal, close, port } = await listening();
  await close();
  const error = await failureOf(fal.subscribe(ECHO, { input: {} }));
  expect(error).toMatchObject({ name: "NetworkError", retryable: true, billed: false });
  expect(String(error)).toMatch(new RegExp(`127\\.0\\.0\\.1:${port}.*ECONNREFUSED.*FAL_HOST`));
});

test("a port that the runtime itself forbids was sent nothing", async () => {
  const fal = createFal({ env: { ...ENV, FAL_HOST: "127.0.0.1:1" }, retry: { maxRetries: 0 } });
  const error = await failureOf(fal.subscribe(ECHO, { input: {} }));
  expect(error).toMatchObject({ name: "NetworkError", billed: false });
  expect(String(error)).toMatch(/127\.0\.0\.1:1 .*bad port.*FAL_HOST/);
});

test("a server that hangs up after the request is ambiguous, and was sent one request", async () => {
  let requests = 0;
  const { fal, close } = await listening((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      requests++;
      socket.destroy();
    });
  });
  const error = await failureOf(fal.subscribe(ECHO, { input: {} }));
  expect(error).toMatchObject({ name: "AmbiguousSubmitError", billed: "unknown" });
  await close();
  expect(requests).toBe(1);
});

test("an answer that is cut in its body is ambiguous", async () => {
  const { fal, close } = await listening((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"request_id":"r1"', () =>
        socket.destroy(),
      );
    });
  });
  const error = await failureOf(fal.subscribe(ECHO, { input: {} }));
  expect(error).toMatchObject({ name: "AmbiguousSubmitError" });
  await close();
});

test("a result that unpacks to more than the client takes is read once, and not to its end", async () => {
  const packed = await promisify(gzip)(Buffer.alloc(100 * 2 ** 20, " "));
  let reads = 0;
  const server = createHttpServer((_, response) => {
    reads += 1;
    response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
    response.end(packed);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const fal = createFal({ env: { ...ENV, FAL_HOST: `127.0.0.1:${port}` } });
  expect(await failureOf(fal.queue.result(ECHO, { requestId: "r1" }))).toMatchObject({
    code: "reply_too_large",
    maxBytes: 64 * 2 ** 20,
  });
  expect(reads).toBe(1);
  server.closeAllConnections();
  server.close();
});
