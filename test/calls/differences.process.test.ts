import { existsSync } from "node:fs";
import { join } from "node:path";
import { createFalClient } from "@fal-ai/client";
import { createFal } from "fal-chain";
import { createEmulator, type Model } from "fal-chain/emulator";
import { describe, expect, test } from "vitest";
import { echo } from "../support/models.ts";
import { pages, root } from "../support/pages.ts";
import { ECHO, failureOf, KEY } from "../support/setup.ts";
import { kindOf, type Wire } from "../support/wire.ts";

// The list of differences in docs/migrating.md: for each of its rows a program that is run with both clients, and what
// becomes of it with either. What a program sees in a page, or at a real socket, other tests hold.

type Client = ReturnType<typeof createFalClient>;
type Settings = NonNullable<Parameters<typeof createFalClient>[0]>;

/** What a program can look at besides what it is given. */
interface Site {
  /** How many requests fal has accepted. */
  readonly accepted: () => number;
  /** Method and kind of each request that left, oldest first. */
  readonly sent: readonly string[];
  readonly bodies: readonly string[];
}

interface Difference {
  /** Made for each of the two. */
  readonly wire?: () => Wire;
  readonly settings?: Settings;
  readonly program: (fal: Client, site: Site) => Promise<unknown>;
  readonly theirs: unknown;
  readonly ours: unknown;
}

const streams: Model = {
  ...(echo({ id: "acme/streams" }) as Model),
  async *stream() {
    yield* [{ n: 1 }, 0, { n: 2 }];
    return { output: { n: 2 }, units: 1 };
  },
};
const models = [echo(), streams, echo({ id: "acme/slow", seconds: 100_000 })] as Model[];

async function outcome(
  { wire: wireOf, settings, program }: Difference,
  client: (settings: Settings) => Client,
) {
  const emulator = createEmulator({ models, timeScale: 0.000_001 });
  const wire = wireOf?.();
  const sent: string[] = [];
  const bodies: string[] = [];
  const fetch = async (address: string, init?: RequestInit): Promise<Response> => {
    const request = new Request(address, init);
    sent.push(`${request.method} ${kindOf(request)}`);
    if (typeof init?.body === "string") bodies.push(init.body);
    const forward = () => emulator.fetch(request);
    return wire ? wire(request, forward) : forward();
  };
  const quick = { maxRetries: 2, baseDelay: 1, maxDelay: 2, enableJitter: false };
  const fal = client({
    credentials: KEY,
    fetch: fetch as typeof globalThis.fetch,
    retry: quick,
    ...settings,
  });
  try {
    return await program(fal, { accepted: () => emulator.jobs.length, sent, bodies });
  } finally {
    await emulator.close();
  }
}

const input = { n: 1 };
const polls = { mode: "polling", pollInterval: 5 } as const;
/** Lets fal act, and answers otherwise, the first time. */
function answered(kind: string, answer: (reply: Response) => Response | Promise<Response>): Wire {
  let isDone = false;
  return async (request, forward) => {
    const reply = await forward();
    if (isDone || kindOf(request) !== kind) return reply;
    isDone = true;
    return answer(reply);
  };
}
const JSON_TYPE = { headers: { "content-type": "application/json" } };
const gatewayError = () => new Response("<html>", { status: 504 });

const SHOWN: Record<string, Difference> = {
  submits: {
    wire: () => answered("submit", gatewayError),
    program: async (fal, { accepted }) => [(await fal.subscribe(ECHO, { input, ...polls })).data, accepted()],
    theirs: [{ echo: input }, 2],
    ours: [{ echo: input }, 1],
  },
  "giving up": {
    async program(fal, { sent }) {
      const user = new AbortController();
      const onQueueUpdate = () => user.abort();
      const call = fal.subscribe("acme/slow", { input, ...polls, abortSignal: user.signal, onQueueUpdate });
      await call.catch(() => {});
      return sent.filter((line) => line.endsWith("cancel"));
    },
    theirs: [],
    ours: ["PUT cancel"],
  },
  status: {
    async program(fal, { sent }) {
      await fal.subscribe(ECHO, { input, pollInterval: 5 });
      return sent.some((line) => line.endsWith("stream"));
    },
    theirs: false,
    ours: true,
  },
  failures: {
    wire: () => async (request, forward) => {
      const reply = await forward();
      if (kindOf(request) !== "status") return reply;
      const status = (await reply.json()) as { status: string };
      return Response.json(status.status === "COMPLETED" ? { ...status, error: "no GPU" } : status);
    },
    program: (fal) =>
      fal.subscribe(ECHO, { input, ...polls }).then(
        ({ data }) => data,
        (error: Error) => error.message.includes("no GPU"),
      ),
    theirs: { echo: input },
    ours: true,
  },
  errors: {
    wire: () => () =>
      Response.json({ detail: "You have no money left." }, { status: 402, headers: { "x-fal-why": "a" } }),
    async program(fal) {
      const error = (await failureOf(fal.run(ECHO, { input }))) as Error & {
        headers?: Headers;
        body?: unknown;
      };
      const { message, headers, body } = error;
      return [message.includes("no money"), headers?.get("x-fal-why"), body, "body" in { ...error }];
    },
    theirs: [false, undefined, { detail: "You have no money left." }, true],
    ours: [true, "a", { detail: "You have no money left." }, false],
  },
  "`run`": {
    wire: () => answered("submit", gatewayError),
    program: async (fal, { accepted }) => [(await fal.run(ECHO, { input })).data, accepted()],
    theirs: [{ echo: input }, 2],
    ours: [{ echo: input }, 1],
  },
  "`stream`": {
    async program(fal) {
      const seen: unknown[] = [];
      for await (const event of await fal.stream("acme/streams", { input })) seen.push(event);
      return seen;
    },
    theirs: [{ n: 1 }, { n: 2 }],
    ours: [{ n: 1 }, 0, { n: 2 }],
  },
  key: {
    settings: { credentials: "" },
    program: async (fal, { sent }) => [(await failureOf(fal.run(ECHO, { input }))) instanceof Error, sent],
    theirs: [true, ["POST submit"]],
    ours: [true, []],
  },
  middleware: {
    settings: { requestMiddleware: async (request) => ({ ...request, method: "PUT" }) },
    program: async (fal, { sent }) =>
      fal.run(ECHO, { input }).then(
        () => sent,
        () => sent,
      ),
    theirs: ["PUT other"],
    ours: [],
  },
  "`responseHandler`": {
    settings: { responseHandler: async () => ({ mine: true }) },
    program: (fal) => fal.queue.submit(ECHO, { input }),
    theirs: { mine: true },
    ours: expect.objectContaining({ status: "IN_QUEUE" }),
  },
  "`retry`": {
    settings: { retry: { maxRetries: 2, baseDelay: 1, maxDelay: 2, retryableStatusCodes: [500] } },
    wire: () => answered("submit", () => new Response("", { status: 500 })),
    program: async (fal, { accepted }) => {
      await fal.run(ECHO, { input });
      return accepted();
    },
    theirs: 2,
    ours: 1,
  },
  callbacks: {
    async program(fal) {
      const onQueueUpdate = () => {
        throw new Error("the page is gone");
      };
      const call = fal.subscribe(ECHO, { input, ...polls, onQueueUpdate });
      return call.then(
        ({ data }) => data,
        (error: Error) => error.message,
      );
    },
    theirs: "the page is gone",
    ours: { echo: input },
  },
  numbers: {
    wire: () => answered("submit", () => new Response('{ "seed": 12345678901234567891 }', JSON_TYPE)),
    program: async (fal) => (await fal.run(ECHO, { input })).data,
    theirs: { seed: 12_345_678_901_234_567_000 },
    ours: { seed: "12345678901234567891" },
  },
  "`fetch`": {
    wire: () => () => {
      throw Object.assign(new Error("mine"), { status: 503 });
    },
    program: async (fal, { sent }) => {
      const error = await failureOf(fal.queue.status(ECHO, { requestId: "r-1" }));
      return [(error as Error).name, sent.length];
    },
    theirs: ["Error", 1],
    ours: ["FetchError", 1],
  },
  endpoints: {
    program: async (fal, { sent }) => {
      await fal.run("https://fal.run/acme/echo", { input }).catch(() => {});
      return sent;
    },
    theirs: ["POST submit"],
    ours: [],
  },
  files: {
    async program(fal, { sent }) {
      const file = new Blob(["a"]);
      await fal.run(ECHO, { input: { a: file, b: file } });
      return sent.filter((line) => line === "PUT other").length;
    },
    theirs: 2,
    ours: 1,
  },
  options: {
    program: async (fal, { sent }) => {
      const call = fal.run(ECHO, { input, ...({ abortsignal: AbortSignal.abort() } as object) });
      await call.catch(() => {});
      return sent;
    },
    theirs: ["POST submit"],
    ours: [],
  },
  results: {
    program: async (fal) => Object.keys(await fal.subscribe(ECHO, { input, ...polls })).sort(),
    theirs: ["data", "requestId"],
    ours: ["billing", "data", "metrics", "requestId"],
  },
  input: {
    program: async (fal, { bodies }) => {
      await fal.run(ECHO, {}).catch(() => {});
      return bodies;
    },
    theirs: [],
    ours: ["{}"],
  },
};

/** What is there only in a page, over real sockets, in a run, or to a compiler. */
const ELSEWHERE: Record<string, string> = {
  "`realtime`": "test/realtime/realtime.test.ts",
  proxies: "test/transport/proxy-url.test.ts",
  warning: "test/transport/proxy-url.test.ts",
  types: "test/types/declarations.process.test.ts",
  uploads: "test/storage/upload.process.test.ts",
};

describe("a difference", () => {
  test.each(Object.entries(SHOWN))("%s", async (_, difference) => {
    const theirs = await outcome(difference, (settings) => createFalClient(settings));
    const quiet = { random: () => 0, logger: { warn() {} } };
    const ours = await outcome(difference, (settings) => createFal({ ...settings, ...quiet }) as never);
    expect({ theirs, ours }).toEqual({ theirs: difference.theirs, ours: difference.ours });
  });
});

test("the list is whole, and each of its rows is shown", () => {
  const { text } = pages.find(({ path }) => path === "docs/migrating.md") ?? { text: "" };
  const [, table = ""] = /\n\| topic [^\n]*\n\| -[^\n]*\n((?:\|[^\n]*\n)+)/.exec(text) ?? [];
  const topics = [...table.matchAll(/^\| (.*?) +\|/gm)].map(([, topic]) => topic);
  for (const file of Object.values(ELSEWHERE)) expect(existsSync(join(root, file)), file).toBe(true);
  expect(topics.sort()).toEqual([...Object.keys(SHOWN), ...Object.keys(ELSEWHERE)].sort());
});
