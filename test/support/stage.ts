import * as z from "zod";
import {
  createEmulator,
  type Emulator,
  type EmulatorOptions,
  type Model,
  type VirtualClock,
  virtualClock,
} from "../../src/emulator/index.ts";

export const KEY = { authorization: "Key id:secret" };
export const FLUX = "fal-ai/flux/schnell";

const EchoInput = z.object({ text: z.string().default("hello"), fail: z.boolean().default(false) });

/** A model without pictures: it takes ten seconds and says what it was told. */
export const echo: Model<z.output<typeof EchoInput>> = {
  id: "acme/echo/v1",
  title: "Echo",
  price: { unit: "requests", unitPrice: 0.5 },
  input: EchoInput,
  notice: "stand-in for acme/echo/v1: no model runs",
  takes: [10, 10],
  stages: () => ["listening", "speaking"],
  async run(input, context) {
    if (input.fail) throw new Error("the echo is broken");
    return { output: { text: input.text, seed: Math.floor(context.random() * 1e9) }, units: 2 };
  },
};

/** Where things are and how to reach them, path-style, with time at a standstill or jumping. */
export interface Stage {
  readonly emulator: Emulator;
  readonly clock: VirtualClock;
  /** Sends a request; a path gets the emulator's own origin, and a key unless the headers say otherwise. */
  send(method: string, url: string, options?: SendOptions): Promise<Response>;
  submit(endpoint: string, input?: unknown, headers?: Record<string, string>): Promise<Submitted>;
  /** Waits until a request is completed and gives its result. */
  finish(submitted: Submitted): Promise<{ status: number; headers: Headers; body: Json }>;
}

export interface SendOptions {
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  readonly anonymous?: boolean;
}

export interface Submitted {
  readonly status: string;
  readonly request_id: string;
  readonly response_url: string;
  readonly status_url: string;
  readonly cancel_url: string;
  readonly queue_position: number;
}

export interface Json {
  readonly [field: string]: unknown;
}

export const ORIGIN = "http://127.0.0.1:8787";

export function stage({ auto = true, ...options }: EmulatorOptions & { auto?: boolean } = {}): Stage {
  const clock = virtualClock({ auto });
  const emulator = createEmulator({ clock, ...options });
  const send: Stage["send"] = (method, url, { headers = {}, body, signal, anonymous = false } = {}) =>
    emulator.fetch(
      new Request(new URL(url, ORIGIN), {
        method,
        headers: {
          ...(anonymous ? {} : KEY),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
        ...(signal && { signal }),
      }),
    );
  return {
    emulator,
    clock,
    send,
    async submit(endpoint, input = {}, headers = {}) {
      const response = await send("POST", `/queue/${endpoint}`, { body: input, headers });
      return (await response.json()) as Submitted;
    },
    async finish({ response_url: url, status_url }) {
      // Someone has to wait on the clock, or it stands still.
      while ((await send("GET", status_url)).status === 202) await clock.sleep(500);
      const response = await send("GET", url);
      return { status: response.status, headers: response.headers, body: await json(response) };
    },
  };
}

export const json = async (response: Response): Promise<Json> => (await response.json()) as Json;

/** Reads the `data:` lines of an event stream as JSON, and counts its comments. */
export async function readEvents(response: Response): Promise<{ events: Json[]; pings: number }> {
  const blocks = (await response.text()).split("\n\n").filter(Boolean);
  return {
    events: blocks.filter((b) => b.startsWith("data: ")).map((b) => JSON.parse(b.slice(6)) as Json),
    pings: blocks.filter((b) => b === ": ping").length,
  };
}
