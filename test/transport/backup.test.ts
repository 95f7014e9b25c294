import { AmbiguousSubmitError, createFal } from "fal-chain";
import { createEmulator, virtualClock } from "fal-chain/emulator";
import { expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { ECHO, ENV, failureOf } from "../support/setup.ts";
import { networkError } from "../support/wire.ts";

/** A client whose network fails as `fails` says, and the hosts that were asked. */
function site(fails: (host: string) => Error | undefined, env: Record<string, string> = {}) {
  const clock = virtualClock();
  const emulator = createEmulator({ clock, models: [echo()] });
  const asked: string[] = [];
  const fal = createFal({
    ...{ env: { ...ENV, ...env }, clock, random: () => 0.5, retry: { maxRetries: 1 }, logger: { warn() {} } },
    async fetch(input, init) {
      const { host } = new URL(String(input));
      const { method, headers } = new Request(String(input), init);
      asked.push(`${method} ${host} ${headers.has("authorization")}`);
      const error = fails(host);
      if (error) throw error;
      return emulator.fetch(new Request(String(input).replace("falrun.com", "fal.run"), init));
    },
  });
  return { fal, emulator, asked };
}

const unreachable = (code: string) => (host: string) =>
  host.endsWith("fal.run") ? networkError(code) : undefined;

test("what cannot be connected to is repeated under the second name of its host", async () => {
  const { fal, emulator, asked } = site(unreachable("ENOTFOUND"));
  const { requestId } = await fal.subscribe(ECHO, { input: { n: 1 } });
  expect(emulator.jobs).toMatchObject([{ requestId }]);
  expect(asked.slice(0, 2)).toEqual(["POST queue.fal.run true", "POST queue.falrun.com true"]);
  await fal.run(ECHO, { input: { n: 2 } });
  expect(asked).toContain("POST falrun.com true");
});

test("what may have left is asked nowhere else, and looked up", async () => {
  const { fal, asked } = site(unreachable("ECONNRESET"));
  expect(await failureOf(fal.subscribe(ECHO, { input: {} }))).toBeInstanceOf(AmbiguousSubmitError);
  expect(asked.filter((line) => line.startsWith("POST"))).toEqual(["POST queue.fal.run true"]);
});

test("where neither name leads anywhere, no more attempts are made than are to be made", async () => {
  const { fal, asked } = site(() => networkError("ENOTFOUND"));
  expect(await failureOf(fal.queue.submit(ECHO, { input: {} }))).toMatchObject({ code: "network" });
  expect(asked).toEqual(["POST queue.fal.run true", "POST queue.falrun.com true"]);
});

test("a host of somebody's own has no second name", async () => {
  const { fal, asked } = site(() => networkError("ENOTFOUND"), { FAL_HOST: "https://fal.example" });
  await failureOf(fal.queue.submit(ECHO, { input: {} }));
  expect(asked).toEqual(["POST fal.example true", "POST fal.example true"]);
});
