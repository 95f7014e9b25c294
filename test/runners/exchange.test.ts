import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { exchange } from "../../src/runners/exchange.ts";
import { isRunnerMessage } from "../../src/runners/messages.ts";

/** The port of a program that answers with these bytes, whatever it is asked. */
async function answering(bytes: string): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => {}).once("data", () => socket.write(bytes));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const ask = async (bytes: string) =>
  exchange(await answering(bytes), new Request("http://runner/", { method: "POST", body: "{}" }));

test.each([
  "HTTP/1.1 700 Odd\r\ncontent-length: 2\r\n\r\n{}",
  "HTTP/1.1 099 Odd\r\ncontent-length: 2\r\n\r\n{}",
  "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
  "SMTP\r\n\r\n",
])("a program that answers %j is lost, and the gateway goes on", async (bytes) => {
  await expect(ask(bytes)).rejects.toMatchObject({ name: "RunnerLost", ending: "disconnected" });
});

test.each([204, 205, 304])("an answer of status %d has no body", async (status) => {
  const answer = await ask(`HTTP/1.1 ${status} Empty\r\ncontent-length: 0\r\n\r\n`);
  expect(answer).toMatchObject({ status, body: null });
});

test.each([
  [{ falChain: "module", path: "/app/app.ts" }, true],
  [{ falChain: "listening", asked: 8080, port: 40_000 }, true],
  [{ falChain: "module" }, false],
  [{ falChain: "listening", asked: 8080, port: "40000" }, false],
  [{ falChain: "else" }, false],
  ["loaded", false],
])("of what an app says over its channel %j is for the command: %s", (message, is) => {
  expect(isRunnerMessage(message)).toBe(is);
});
