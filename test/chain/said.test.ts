import type { Fal, RunEvent } from "fal-chain";
import { expect, test, vi } from "vitest";
import { processes } from "../support/processes.ts";
import { collect, ECHO, failureOf } from "../support/setup.ts";

// What would else go by without a word.

function listening() {
  const all = processes();
  const said: string[] = [];
  const logger = {
    warn: (details: object, message: string) =>
      void said.push(`${message}: ${(details as { err?: { message: string } }).err?.message}`),
  };
  return { ...all, said, fal: all.start({ logger }).fal, logger };
}

const failing = (fal: Fal, error: () => unknown = () => new RangeError("out of it")) =>
  fal.chain("failing", async (_: number) => {
    throw error();
  });

test("a run that fails and that nobody awaits is a warning, once for each kind of failure", async () => {
  const { fal, said } = listening();
  let error: unknown = new RangeError("out of it");
  const chain = failing(fal, () => error);
  for (const n of [1, 2, 3]) await chain.start(n, { id: `${n}` }).total;
  error = new TypeError("wrong");
  await chain.start(4, { id: "4" }).total;
  await expect.poll(() => said).toHaveLength(2);
  expect(said).toEqual([
    expect.stringMatching(/^The run failing\/1 has failed, and nobody awaits it: out of it/),
    expect.stringMatching(/^The run failing\/4 has failed, and nobody awaits it: wrong/),
  ]);
});

test("so is one that another one starts, that has another input, or that is resumed with all the others", async () => {
  const { fal, said, start, logger } = listening();
  const inner = failing(fal);
  await fal.chain("outer", async () => void inner.start(1)).start(undefined, { id: "o" }).total;
  const same = fal.chain("same", async (_: number) => {});
  await same.start(1, { id: "s" });
  await same.start(2, { id: "s" }).total;
  await expect.poll(() => said).toHaveLength(2);
  expect(said.join("\n")).toMatch(
    /The run failing\/outer.*has failed[\s\S]*The run same\/s has failed.*another input/,
  );

  const waiting = (fal: Fal, code: () => Promise<void>) => fal.chain("waiting", code);
  const left = waiting(start().fal, () => new Promise(() => {})).start(undefined, { id: "w" });
  await expect.poll(() => fal.runs.get("waiting", "w")).toBeDefined();
  await left.detach();
  const later = start({ logger }).fal;
  waiting(later, () => Promise.reject(new Error("still wrong")));
  expect(await later.runs.resumeAll()).toHaveLength(1);
  await expect
    .poll(() => said.join("\n"))
    .toMatch(/waiting\/w has failed, and nobody awaits it: still wrong/);
});

test("nothing is said of one that somebody awaits, listens to or has cancelled", async () => {
  const { fal, said } = listening();
  const chain = failing(fal);
  await failureOf(chain.start(1, { id: "1" }));
  await collect(chain.start(2, { id: "2" }));
  await chain
    .start(3, { id: "3" })
    .finally(() => {})
    .catch(() => {});
  const waiting = fal.chain("waiting", () => new Promise<void>(() => {}));
  await waiting.start(undefined, { id: "4" }).cancel();
  await waiting.start(undefined, { id: "5" }).detach();
  expect(said).toEqual([]);
});

test("without a logger it is the runtime's warning", async () => {
  const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  const { start } = processes();
  await failing(start().fal).start(1, { id: "1" }).total;
  const printed = () => warned.mock.calls.map(([text]) => String(text)).join();
  await expect.poll(printed).toMatch(/failing\/1 has failed, and nobody awaits it/);
  warned.mockRestore();
});

test("a second function under the name of a chain is said, once, and the same one is not", () => {
  const { fal, said } = listening();
  const code = async () => 1;
  fal.chain("poster", code);
  fal.chain("poster", code);
  expect(said).toEqual([]);
  fal.chain("poster", async () => 2);
  fal.chain("poster", async () => 3);
  expect(said).toEqual([expect.stringMatching(/chain poster is defined a second time.*a name of its own/)]);
});

test("a request that an earlier execution has submitted is told of as taken up", async () => {
  const { fal, start, emulator } = listening();
  const submitted = Promise.withResolvers<void>();
  const define = (fal: Fal) =>
    fal.chain("one", async () => (await fal.subscribe(ECHO, { input: { n: 1 } })).data);
  const begun = (events: readonly RunEvent[]) =>
    events.flatMap((event) =>
      event.type === "call" && event.event.type === "submitted" ? [event.event] : [],
    );
  const dying = start();
  const run = define(dying.fal).start(undefined, { id: "a" });
  const seen: RunEvent[] = [];
  void (async () => {
    for await (const event of run) {
      seen.push(event);
      if (begun(seen).length > 0) {
        dying.kill();
        submitted.resolve();
        return;
      }
    }
  })();
  await submitted.promise;
  expect(begun(seen)[0]).not.toHaveProperty("takenUp");
  const events = (await collect(define(fal).resume("a"))).seen;
  expect(begun(events).at(-1)).toMatchObject({ takenUp: true, requestId: emulator.jobs[0]?.requestId });
  expect(emulator.jobs).toHaveLength(1);
});

test("what a chain gives as bytes gets a cure that fits", async () => {
  const { fal } = listening();
  const chain = fal.chain("bytes", async () => new Uint8Array(3) as never);
  expect(await failureOf(chain.start(undefined, { id: "a" }))).toMatchObject({
    code: "invalid_argument",
    message: expect.stringMatching(
      /the output of the chain is a Uint8Array.*fal\.storage\.upload gives its URL/,
    ),
  });
});
