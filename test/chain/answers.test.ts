import type { Fal, FalOptions } from "fal-chain";
import { expect, test } from "vitest";
import { processes } from "../support/processes.ts";
import { ECHO, failureOf } from "../support/setup.ts";

// A run that answers a request lasts as long as its answer.

const incoming = new Headers({ "x-fal-request-id": "in-1" });
const say = (text: string) => new TextEncoder().encode(text);

function app(options: FalOptions = {}) {
  const all = processes();
  const { fal } = all.start({ trustRequestId: true, ...options });
  const state = async () => (await fal.runs.get("request", "in-1"))?.state;
  return { ...all, fal, state };
}

/** Says what each of some calls gave, one after the other, as soon as it is there. */
const talking = (fal: Fal, calls: number, fails?: Error) =>
  new ReadableStream<Uint8Array>({
    async start(controller) {
      try {
        for (let n = 0; n < calls; n++) {
          await fal.subscribe(ECHO, { input: { n } });
          controller.enqueue(say(`${n};`));
        }
        if (fails) throw fails;
        controller.close();
      } catch (error) {
        controller.error(error);
      }
    },
  });

test.each([
  ["a Response", (body: ReadableStream) => new Response(body, { status: 201, headers: { "x-own": "1" } })],
  ["a stream", (body: ReadableStream) => body],
])("the calls of %s that goes on are the run's, until its end", async (_, answer) => {
  const { fal, emulator, state, start } = app();
  const handle = (fal: Fal) => fal.handle(incoming, () => answer(talking(fal, 3)));
  const given = await handle(fal);
  expect(await state()).toBe("running");
  if (given instanceof Response) expect([given.status, given.headers.get("x-own")]).toEqual([201, "1"]);
  expect(await new Response(given instanceof Response ? given.body : given).text()).toBe("0;1;2;");
  await expect.poll(state).toBe("completed");
  for (const { for: whose } of await fal.calls.list())
    expect(whose).toMatchObject({ run: "in-1", request: "in-1" });
  // The same request once more pays for nothing.
  const again = await handle(start({ trustRequestId: true }).fal);
  expect(await new Response(again instanceof Response ? again.body : again).text()).toBe("0;1;2;");
  expect(emulator.jobs).toHaveLength(3);
});

test("a source that is asked for more does that within the run", async () => {
  const { fal, state } = app();
  let n = 0;
  const pulled = () =>
    new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          if (n === 3) return controller.close();
          await fal.subscribe(ECHO, { input: { n: n++ } });
          controller.enqueue(say("."));
        },
      },
      { highWaterMark: 0 },
    );
  const response = await fal.handle(incoming, async () => new Response(pulled()));
  expect(await response.text()).toBe("...");
  await expect.poll(state).toBe("completed");
  const calls = await fal.calls.list();
  expect(calls.map(({ for: { run } }) => run)).toEqual(["in-1", "in-1", "in-1"]);
});

test("a generator is a part of the run, until it is left", async () => {
  const { fal, state } = app();
  const telling = async function* () {
    for (let n = 0; n < 5; n++) yield (await fal.subscribe(ECHO, { input: { n } })).data;
  };
  let seen = 0;
  for await (const data of await fal.handle(incoming, () => telling())) {
    expect(data).toEqual({ echo: { n: seen } });
    expect(await state()).toBe("running");
    if (++seen === 2) break;
  }
  await expect.poll(state).toBe("cancelled");
  expect(await fal.calls.list({ run: "in-1" })).toHaveLength(2);
});

test("whoever leaves in the middle cancels what is still to come", async () => {
  const { fal, state, emulator } = app();
  const response = await fal.handle(incoming, () => new Response(talking(fal, 50)));
  const reader = response.body?.getReader();
  await reader?.read();
  await reader?.cancel("gone");
  await expect.poll(state).toBe("cancelled");
  const { length } = emulator.jobs;
  expect(length).toBeLessThan(10);
  await fal.close();
  expect(emulator.jobs).toHaveLength(length);
});

test("a body that breaks is what the run failed with", async () => {
  const { fal, state } = app();
  const response = await fal.handle(incoming, () => new Response(talking(fal, 1, new RangeError("broken"))));
  expect(await failureOf(response.text())).toMatchObject({ message: "broken" });
  await expect.poll(state).toBe("failed");
  expect((await fal.runs.get("request", "in-1"))?.error).toMatchObject({
    name: "RangeError",
    message: "broken",
  });
});

const WHOLE: Readonly<Record<string, () => Response>> = {
  JSON: () => Response.json({ a: 1 }, { status: 202 }),
  text: () => new Response("text"),
  "an empty text": () => new Response(""),
  bytes: () => new Response(new Uint8Array(100_000)),
  "no body": () => new Response(null, { status: 204 }),
  "a redirect": () => Response.redirect("https://example.com/"),
  "an empty stream": () => new Response(new ReadableStream({ start: (controller) => controller.close() })),
};

test.each(Object.entries(WHOLE))(
  "an answer that is there, %s, ends its run though nobody reads it",
  async (_, answer) => {
    const { fal, state } = app();
    const given = await fal.handle(incoming, async (run) => {
      await run.step("think", () => 1);
      return answer();
    });
    await expect.poll(state).toBe("completed");
    const expected = answer();
    expect([given.status, [...given.headers]]).toEqual([expected.status, [...expected.headers]]);
    expect(await given.arrayBuffer()).toEqual(await expected.arrayBuffer());
  },
);

test("what is no answer of the web is handed over as it is", async () => {
  const { fal } = app();
  const given = { body: new Map() };
  expect(await fal.handle(incoming, () => given)).toBe(given);
});

test("an answer that fails before it begins rejects", async () => {
  const { fal } = app();
  expect(await failureOf(fal.handle(incoming, () => Promise.reject(new Error("no"))))).toMatchObject({
    message: "no",
  });
});
