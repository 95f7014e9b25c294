import { createServer, type Socket } from "node:net";
import { createFal, memoryStore } from "fal-chain";
import { expect, onTestFinished, test } from "vitest";
import { aroundStore } from "../support/around-store.ts";
import { failureOf } from "../support/setup.ts";

// On Node's own fetch a submit is noted when its connection stands, and leaves with nothing in between.

const ACCEPTED = JSON.stringify({ request_id: "r-1", status: "IN_QUEUE" });

/** A server that tells what it reads, and answers a whole request as it is told. */
async function listening(answer: (socket: Socket, text: string) => void) {
  const seen: string[] = [];
  const server = createServer((socket) => {
    let text = "";
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      text += chunk;
      seen.push(String(chunk));
      if (text.endsWith("}")) answer(socket, text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  return { seen, server, env: { FAL_KEY: "any:key", FAL_HOST: `http://127.0.0.1:${port}` } };
}

const accept = (socket: Socket) =>
  socket.end(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${ACCEPTED.length}\r\nconnection: close\r\n\r\n${ACCEPTED}`,
  );

const input = { prompt: "ein Füchslein" };
const BODY = JSON.stringify(input);

test("nothing of a submit leaves before it is noted, and then all of it, as any other request", async () => {
  const { seen, env } = await listening(accept);
  const noted = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const store = aroundStore(memoryStore(), async (act, name) => {
    if (name === "calls.intend") {
      asked.resolve();
      await noted.promise;
    }
    return act();
  });
  const fal = createFal({ env, store });
  const submitted = fal.queue.submit("acme/echo", { input });
  await asked.promise;
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(seen).toEqual([]);
  noted.resolve();
  expect(await submitted).toMatchObject({ request_id: "r-1" });
  const request = seen.join("");
  expect(request.split("\r\n\r\n")[1]).toBe(BODY);
  expect(request.match(/^content-length: (\d+)/im)?.[1]).toBe(String(Buffer.byteLength(BODY)));
  expect(request).not.toMatch(/transfer-encoding|expect:/i);
  await fal.close();
});

test("what cannot be connected to is not noted, and refused whatever went wrong", async () => {
  const { server, env } = await listening(accept);
  await new Promise((resolve) => server.close(resolve));
  const store = memoryStore();
  const fal = createFal({ env, store, retry: { submit: { maxRetries: 0 } } });
  expect(await failureOf(fal.queue.submit("acme/echo", { input }))).toMatchObject({ code: "network" });
  expect(await store.calls.list({})).toEqual([]);
  await fal.close();
});

test("what is refused by the store does not leave, and fails with the store's own error", async () => {
  const { seen, env } = await listening(accept);
  const refusal = new Error("no room");
  const store = aroundStore(memoryStore(), (act, name) =>
    name === "calls.intend" ? Promise.reject(refusal) : act(),
  );
  const fal = createFal({ env, store });
  expect(await failureOf(fal.queue.submit("acme/echo", { input }))).toBe(refusal);
  expect(seen).toEqual([]);
  await fal.close();
});

test("what has left and is not answered is in doubt", async () => {
  const { seen, env } = await listening((socket) => socket.destroy());
  const fal = createFal({ env, store: memoryStore(), ambiguousSubmit: "throw" });
  expect(await failureOf(fal.queue.submit("acme/echo", { input }))).toMatchObject({
    code: "ambiguous_submit",
  });
  expect(seen).toHaveLength(1);
  await fal.close();
});
