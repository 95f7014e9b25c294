import dns from "node:dns";
import { createServer, type Server } from "node:http";
import { type AddressInfo, type connect, type NetConnectOpts, Socket } from "node:net";
import os from "node:os";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { publicFetch } from "../../src/emulator/public-fetch.ts";

afterEach(() => vi.restoreAllMocks());

/** Something of this machine, and how often it was asked. */
async function neighbour(answer: (server: Server) => void = () => {}) {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    response.end("secret");
  }).listen(0, "127.0.0.1");
  answer(server);
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  return { asked: () => asked, port: (server.address() as AddressInfo).port };
}

/** A name server that says something else each time. */
function names(...answers: readonly (readonly string[])[]) {
  let at = 0;
  const asked = vi.spyOn(dns, "lookup").mockImplementation(((
    _host: string,
    _options: unknown,
    found: (error: null, addresses: { address: string; family: number }[]) => void,
  ) => {
    const answer = answers[Math.min(at++, answers.length - 1)] ?? [];
    found(
      null,
      answer.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  }) as typeof dns.lookup);
  return asked;
}

const get = (url: string) => publicFetch(new URL(url), { signal: AbortSignal.timeout(2_000) });

test("a name that leads to this machine is not asked, whatever else it leads to", async () => {
  const { asked, port } = await neighbour();
  for (const answer of [["127.0.0.1"], ["203.0.113.7", "127.0.0.1"], ["::1"], ["2001:db8::1", "10.0.0.1"]]) {
    names(answer);
    await expect(get(`http://rebound.test:${port}/`)).rejects.toThrow("which fal cannot reach");
    vi.restoreAllMocks();
  }
  expect(asked()).toBe(0);
});

test("what is connected to is the address that was looked at, and it is looked for once", async () => {
  const { asked, port } = await neighbour();
  const lookups = names(["203.0.113.7"], ["127.0.0.1"]);
  const reached: string[] = [];
  // There is no internet to connect to.
  vi.spyOn(Socket.prototype, "connect").mockImplementation(function (this: Socket, ...given: unknown[]) {
    const [options] = given.flat() as [NetConnectOpts & { lookup: typeof dns.lookup; host: string }];
    options.lookup(options.host, { all: true }, (error, addresses) => {
      reached.push(...addresses.map(({ address }) => address));
      this.destroy(error ?? new Error("no internet"));
    });
    return this;
  } as typeof connect);
  await expect(get(`http://rebound.test:${port}/`)).rejects.toThrow("no internet");
  expect(reached).toEqual(["203.0.113.7"]);
  expect(lookups).toHaveBeenCalledTimes(1);
  expect(asked()).toBe(0);
});

test("nor is what this machine is called on the internet", async () => {
  const interfaces = os.networkInterfaces();
  expect(Object.keys(interfaces).length).toBeGreaterThan(0);
  for (const { address, family } of Object.values(interfaces).flatMap((found) => found ?? [])) {
    const host = family === "IPv6" ? `[${address}]` : address;
    await expect(get(`http://${host}:1/`)).rejects.toThrow("which fal cannot reach");
  }
});
