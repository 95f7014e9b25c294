// More of what users of the official client write, a thing each: to compile with both clients, and, where they may be run,
// to see the same with both.
import * as all from "@fal-ai/client";
import {
  ApiError,
  createFalClient,
  type FalClient,
  fal,
  isCompletedQueueStatus,
  isQueueStatus,
  isRetryableError,
  type Metrics,
  parseEndpointId,
  type QueueStatus,
  type RequestMiddleware,
  type ResponseHandler,
  type Result,
  type RetryOptions,
  type StorageSettings,
  ValidationError,
  type WebHookResponse,
  withMiddleware,
  withProxy,
} from "@fal-ai/client";

const FLUX = "fal-ai/flux/schnell";
const ECHO = "acme/echo";
const SMALL = { prompt: "a heron", image_size: { width: 64, height: 64 }, seed: 3, num_images: 1 } as const;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Painted {
  images: { url: string; width?: number; height?: number; content_type?: string }[];
  seed: number;
}
interface Echoed<I = Record<string, unknown>> {
  echo: I;
}

/** What may be run, each by itself. What it gives is what its user sees. */
export const RUN: Record<string, () => Promise<unknown>> = {
  async "the result taken apart at once"() {
    const {
      data: {
        images: [first],
        seed,
      },
      requestId,
    } = await fal.subscribe(FLUX, { input: SMALL });
    return [first?.width, first?.content_type, seed, typeof requestId];
  },

  async "one image, or an error of one's own"() {
    const result = await fal.subscribe(FLUX, { input: { ...SMALL } });
    const url = result?.data?.images?.[0]?.url;
    if (!url) throw new Error("no image came");
    return new URL(url).pathname.split(".").pop();
  },

  async "a result typed by its user"() {
    const result: { data: Painted } = await fal.subscribe(FLUX, { input: SMALL });
    return result.data.images.length;
  },

  async "a result cast by way of unknown"() {
    const { images } = (await fal.subscribe(FLUX, { input: SMALL })).data as unknown as Painted;
    return images.map(({ width = 0, height = 0 }) => width * height);
  },

  async "the id is a string, whatever the endpoint"() {
    const pick = (fast: boolean): string => (fast ? FLUX : ECHO);
    const result = await fal.subscribe(pick(true), { input: { ...SMALL, seed: 9 } });
    return result.data.seed;
  },

  async "an input built up step by step"() {
    const input: Record<string, any> = { text: "a" };
    if (input["text"].length > 0) input["strength"] = 0.5;
    input["loras"] = [{ path: "https://a.example/lora", scale: 1 }];
    const { data } = await fal.subscribe(ECHO, { input });
    return data.echo;
  },

  async "what is undefined is left out of the input"() {
    const seed: number | undefined = undefined;
    const { data } = await fal.subscribe(ECHO, {
      input: { text: "a", seed, deep: { none: undefined, no: null } },
    });
    return data.echo;
  },

  async "dates and other things that JSON makes texts of"() {
    const { data } = await fal.subscribe(ECHO, {
      input: { at: new Date(0), link: new URL("https://a.example/b") },
    });
    return data.echo;
  },

  async "an input of a class of its user's"() {
    class Prompt {
      readonly text: string;
      constructor(text: string) {
        this.text = text;
      }
      toJSON() {
        return { text: this.text.toUpperCase() };
      }
    }
    const { data } = await fal.subscribe(ECHO, { input: { prompt: new Prompt("a") } });
    return data.echo;
  },

  async "options that are undefined"() {
    const settings: object = {
      logs: undefined,
      onQueueUpdate: undefined,
      timeout: undefined,
      abortSignal: undefined,
    };
    const { data } = await fal.subscribe(ECHO, { input: { n: 1 }, ...settings });
    return data.echo;
  },

  async "statuses as they change"() {
    const seen: string[] = [];
    await fal.subscribe(ECHO, {
      input: { n: 1 },
      onQueueUpdate: ({ status }) => {
        if (seen.at(-1) !== status) seen.push(status);
      },
    });
    return seen.at(-1);
  },

  async "polls, with all their settings"() {
    const seen = new Set<QueueStatus["status"]>();
    const { data } = await fal.subscribe(ECHO, {
      input: { n: 1 },
      mode: "polling",
      pollInterval: 1,
      logs: true,
      onQueueUpdate: (update) => void seen.add(update.status),
    });
    return [data, seen.has("COMPLETED")];
  },

  async "lines of the log, once each"() {
    const printed = new Map<string, number>();
    await fal.subscribe("acme/talks", {
      input: {},
      mode: "streaming",
      logs: true,
      onQueueUpdate(update) {
        if (update.status !== "IN_PROGRESS" && update.status !== "COMPLETED") return;
        for (const { message, timestamp } of update.logs ?? []) printed.set(message, Date.parse(timestamp));
      },
    });
    return [...printed.keys()];
  },

  async "the id before anything else"() {
    let first = "";
    const result = await fal.subscribe(ECHO, {
      input: {},
      onEnqueue: (id) => {
        first = id;
      },
    });
    return first === result.requestId;
  },

  async "then, catch, finally"() {
    let isOver = false;
    const text = await fal
      .subscribe(ECHO, { input: { text: "b" } })
      .then(({ data }) => data.echo.text as string)
      .catch((reason: unknown) => `failed: ${reason}`)
      .finally(() => {
        isOver = true;
      });
    return [text, isOver];
  },

  async "several at once, as they settle"() {
    const outcomes = await Promise.allSettled(
      [ECHO, "acme/refuses", ECHO].map((id, n) => fal.subscribe(id, { input: { n } })),
    );
    return outcomes.map((outcome) =>
      outcome.status === "fulfilled" ? outcome.value.data : outcome.reason.status,
    );
  },

  async "whichever is first"() {
    const { data } = await Promise.any([
      fal.subscribe("acme/refuses", { input: {} }),
      fal.subscribe(ECHO, { input: { won: true } }),
    ]);
    return (data as Echoed).echo;
  },

  async "one after the other, by reduce"() {
    return [1, 2, 3].reduce(async (sum, n) => {
      const { data } = await fal.subscribe<string>(ECHO, { input: { n } });
      return (await sum) + data.echo.n;
    }, Promise.resolve(0));
  },

  async "a generator of results"() {
    async function* paint(texts: string[]): AsyncGenerator<Result<Echoed<{ text: string }>>> {
      for (const text of texts) yield (await fal.subscribe(ECHO, { input: { text } })) as Result<any>;
    }
    const seen: string[] = [];
    for await (const { data } of paint(["a", "b"])) seen.push(data.echo.text);
    return seen;
  },

  async "methods taken off the client"() {
    const { subscribe, run, queue, storage } = fal;
    const { submit, status: ask, result } = queue;
    const { upload } = storage;
    const { request_id: requestId } = await submit(ECHO, { input: { n: 1 } });
    for (let tries = 0; (await ask(ECHO, { requestId })).status !== "COMPLETED" && tries < 500; tries++)
      await sleep(2);
    const url = await upload(new Blob(["a"], { type: "text/plain" }));
    const answers = await Promise.all([
      subscribe(ECHO, { input: { n: 2 } }),
      run(ECHO, { input: { n: 3 } }),
      result(ECHO, { requestId }),
    ]);
    return [answers.map(({ data }) => data), typeof url];
  },

  async "the module as a whole"() {
    const client: typeof all.fal = all.fal;
    const { data } = await client.run(ECHO, { input: { n: 1 } });
    return [data, all.fal === fal, typeof all.createFalClient];
  },

  async "a refused input, field by field"() {
    try {
      await fal.subscribe("acme/refuses", { input: { n: -1 } });
      return "it was taken";
    } catch (error: any) {
      if (!(error instanceof ValidationError)) throw error;
      const fields = Object.fromEntries(error.fieldErrors.map(({ loc, msg }) => [loc.join("."), msg]));
      return [error.status, fields, error.getFieldErrors("n").length, error.getFieldErrors("other").length];
    }
  },

  async "what the body of an error says"() {
    const error = await fal.subscribe("acme/refuses", { input: {} }).then(
      () => undefined,
      (reason) => reason as ApiError<{ detail: { msg: string; type: string; loc: string[] }[] }>,
    );
    const [first] = error?.body?.detail ?? [];
    return [error instanceof Error, error instanceof ApiError, error?.name, first?.msg, first?.loc];
  },

  async "an endpoint that there is none of"() {
    const error = await fal.queue
      .submit("acme/nobody", { input: {} })
      .catch((reason: ApiError<any>) => reason);
    return "status" in error && error.status;
  },

  async "errors to try again"() {
    const error = await fal.run("acme/refuses", { input: {} }).catch((reason: unknown) => reason);
    return [
      isRetryableError(error, [422]),
      isRetryableError(error, [500]),
      isRetryableError(new Error("x"), [422]),
    ];
  },

  async "a run that fails, by its status"() {
    try {
      await fal.run("acme/refuses", { input: {} });
    } catch (error) {
      if (error instanceof ApiError && error.status >= 400 && error.status < 500)
        return `its user's: ${error.status}`;
      throw error;
    }
    return "none";
  },

  async "submitted, watched, collected"() {
    const submitted = await fal.queue.submit(ECHO, { input: { n: 1 }, priority: "low", hint: "a-session" });
    const { request_id: requestId } = submitted;
    let status = await fal.queue.status(ECHO, { requestId, logs: true });
    for (let tries = 0; status.status !== "COMPLETED" && tries < 500; tries++) {
      await sleep(2);
      status = await fal.queue.status(ECHO, { requestId, logs: false });
    }
    const { data } = await fal.queue.result(ECHO, { requestId });
    return [
      data,
      Boolean(isCompletedQueueStatus(status) && isQueueStatus(submitted)),
      typeof submitted.response_url,
    ];
  },

  async "subscribeToStatus, then the result"() {
    const { request_id } = await fal.queue.submit(ECHO, { input: { n: 2 } });
    const last = await fal.queue.subscribeToStatus(ECHO, {
      requestId: request_id,
      mode: "polling",
      pollInterval: 1,
    });
    const { data, requestId } = await fal.queue.result(ECHO, { requestId: request_id });
    return [last.status, data, requestId === request_id, Boolean(isCompletedQueueStatus(last))];
  },

  async "statuses by stream"() {
    const { request_id: requestId } = await fal.queue.submit(ECHO, { input: {} });
    const stream = await fal.queue.streamStatus(ECHO, { requestId, logs: true });
    let last: QueueStatus | undefined;
    for await (const status of stream) last = status;
    return [last?.status, (await stream.done()).status];
  },

  async "a webhook's address, which may be none"() {
    const webhookUrl: string | undefined = process.env["NO_HOOK"];
    const hook = webhookUrl === undefined ? {} : { webhookUrl };
    const { status } = await fal.queue.submit(ECHO, { input: {}, ...hook });
    return status;
  },

  async "a stream, piece by piece"() {
    const stream = await fal.stream("acme/streams", { input: { prompt: "a" } });
    const seen: unknown[] = [];
    for await (const piece of stream) seen.push(piece);
    return [seen, await stream.done()];
  },

  async "a stream, by its listeners"() {
    const stream = await fal.stream("acme/streams", { input: { prompt: "a" }, method: "post" });
    const seen: unknown[] = [];
    stream.on("data", (piece) => seen.push(piece));
    const last = new Promise((resolve) => stream.on("done", resolve));
    await stream.done();
    return [seen.length, await last];
  },

  async "a picture from bytes"() {
    const bytes = new Uint8Array([1, 2, 3]);
    const file = new File([bytes], "a b.bin", { type: "application/octet-stream" });
    const url = await fal.storage.upload(file, { lifecycle: { expiresIn: "1h" } });
    const again = await fal.storage.upload(new Blob([bytes]), {});
    return [url.startsWith("http"), again.startsWith("http")];
  },

  async "a file in an input"() {
    const picture = new File(["a"], "a.txt", { type: "text/plain" });
    const { data } = await fal.subscribe(ECHO, { input: { image_url: picture, more: [picture] } });
    return [typeof data.echo.image_url, data.echo.more.length, typeof data.echo.more[0]];
  },

  async "an input made ready by hand"() {
    const input = await fal.storage.transformInput({
      text: "a",
      blob: new Blob(["a"]),
      list: [1, "b", null],
    });
    return [input["text"], typeof input["blob"], input["list"]];
  },

  async "two clients, each with its key"() {
    const settings = { credentials: "k3y-id:s3cr3t", suppressLocalCredentialsWarning: true };
    const clients: FalClient[] = [createFalClient({ ...settings }), createFalClient(settings)];
    return [
      typeof clients[0]?.subscribe,
      clients[0] === clients[1],
      clients.map(({ queue }) => typeof queue.submit),
    ];
  },

  async "settings that are not there"() {
    all.fal.config({ ...configured(), ...({ proxyUrl: undefined } as object) });
    const { data } = await fal.run(ECHO, { input: { n: 1 } });
    all.fal.config(configured());
    return data;
  },

  async "a client without a key, made before there is one"() {
    const early = createFalClient({ ...configured(), credentials: "" });
    const late = createFalClient({ ...configured(), credentials: () => process.env["NO_KEY"] });
    return [typeof early.subscribe, typeof late.queue.submit];
  },

  async "a number of pictures, each with another seed"() {
    const seeds = Array.from({ length: 3 }, (_, n) => n + 1);
    const calls = seeds.map((seed) => fal.subscribe(FLUX, { input: { ...SMALL, seed } }));
    const results = await Promise.all(calls);
    return results.flatMap(({ data }) => [data.seed, data.images.length]);
  },

  async "tried again by its user"() {
    let tries = 0;
    for (const id of ["acme/refuses", "acme/refuses", ECHO]) {
      tries++;
      try {
        return [(await fal.subscribe(id, { input: {} })).data, tries];
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 422) throw error;
      }
    }
    return tries;
  },

  async "an error told to somebody else"() {
    const error: unknown = await fal.subscribe("acme/refuses", { input: {} }).catch((reason) => reason);
    const told = JSON.parse(JSON.stringify(error)) as { status: number; body: { detail: { msg: string }[] } };
    return [told.status, told.body.detail[0]?.msg, String(error).startsWith("ValidationError")];
  },

  async "a webhook's body told apart"() {
    const read = (text: string) => JSON.parse(text) as WebHookResponse<Painted>;
    const good = read(
      '{ "status": "OK", "request_id": "r", "payload": { "images": [{ "url": "/a" }], "seed": 1 } }',
    );
    return good.status === "OK" ? good.payload.images[0]?.url : good.error;
  },

  async "an input of arrays of bytes"() {
    const { data } = await fal.subscribe(ECHO, {
      input: { mask: [...new Uint8Array([1, 2])], nan: 0.1 + 0.2 },
    });
    return data.echo;
  },

  async "text of any kind"() {
    const { data } = await fal.subscribe(ECHO, { input: { text: 'ü 日本 🦊 \u2028 "quoted"\n' } });
    return data.echo;
  },

  async "endpoint ids taken apart"() {
    const { owner, alias, path } = parseEndpointId("acme/painter/fast/one");
    return { owner, alias, path };
  },

  async "what a guard says of anything"() {
    return [
      undefined,
      null,
      1,
      {},
      { status: "IN_QUEUE" },
      { status: "COMPLETED", response_url: "https://a.example" },
    ].map((value) => [Boolean(isQueueStatus(value)), Boolean(isCompletedQueueStatus(value))]);
  },

  async "an error made by hand"() {
    const error = new ApiError({ message: "no", status: 402, body: { detail: "no money" } });
    return [error.name, error.message, error.status, error.body, error instanceof Error];
  },

  async "kept in a file of the user's, and read again"() {
    const result = await fal.subscribe(ECHO, { input: { n: 1 } });
    const read = JSON.parse(JSON.stringify(result, null, 2)) as typeof result;
    return [typeof read.requestId, read.data];
  },

  async "results that are changed"() {
    const result = await fal.subscribe(FLUX, { input: SMALL });
    result.data.images.forEach((image, n) => {
      image.url = `/${n}`;
    });
    Object.assign(result, { extra: 1 });
    return [result.data.images.map(({ url }) => url), "extra" in result];
  },

  async "a picture, then what is made of it"() {
    const { data } = await fal.subscribe(FLUX, { input: SMALL });
    const { data: cut } = await fal.subscribe("fal-ai/birefnet/v2", {
      input: {
        image_url: data.images[0]?.url ?? "",
        operating_resolution: "1024x1024",
        output_format: "png",
      },
    });
    return [cut.image.content_type, typeof cut.image.url];
  },

  async "middleware that sees each request"() {
    const methods = new Set<string>();
    const watch: RequestMiddleware = async (request) => {
      methods.add(request.method.toUpperCase());
      return { ...request, headers: { ...request.headers, "x-trace": "t-1" } };
    };
    all.fal.config({ ...configured(), requestMiddleware: watch });
    await fal.subscribe(ECHO, { input: {}, mode: "polling", pollInterval: 1 });
    all.fal.config(configured());
    return [...methods].sort();
  },

  async "a key that is asked for"() {
    let asked = 0;
    all.fal.config({
      ...configured(),
      credentials: () => {
        asked++;
        return "k3y-id:s3cr3t";
      },
    });
    await fal.run(ECHO, { input: {} });
    all.fal.config(configured());
    return asked > 0;
  },
};

/** What whoever runs them sets. */
type Settings = NonNullable<Parameters<typeof createFalClient>[0]>;
let configured = (): Settings => ({});
export function configure(settings: Settings): void {
  configured = () => settings;
  fal.config(settings);
}

// What is only compiled
export type FluxResult = Awaited<ReturnType<typeof fal.subscribe<"fal-ai/flux/schnell">>>;
export type Connection = ReturnType<typeof fal.realtime.connect>;
export type Submitted = Awaited<ReturnType<FalClient["queue"]["submit"]>>;
export type Options = Parameters<FalClient["subscribe"]>[1];
export type Update = Parameters<NonNullable<Options["onQueueUpdate"]>>[0];
export const onlyRunning = (update: Update): string[] =>
  update.status === "IN_PROGRESS" ? update.logs.map(({ message }) => message) : [];
export const logsOf = (status: QueueStatus) => ("logs" in status ? (status.logs ?? []) : []);
export const positionOf = (status: QueueStatus) => ("queue_position" in status ? status.queue_position : 0);
export const printing = () =>
  fal.subscribe("any/model", {
    input: {},
    logs: true,
    onQueueUpdate: (update) => {
      // biome-ignore lint/suspicious/noConsole: as every example has it
      if (update.status === "IN_PROGRESS") update.logs.map((log) => log.message).forEach(console.log);
    },
  });
export const anyway = (id: string, options: any) => fal.subscribe(id as any, options as any);
export const kling = (image: File | string) =>
  fal.subscribe("fal-ai/kling-video/v1.6/standard/image-to-video", {
    input: { prompt: "it moves", image_url: image, duration: "5" },
  });
export const oneOf = (isMany: boolean) =>
  fal.queue.submit("any/model", {
    input: isMany ? { prompt: "a", image_urls: ["b"] } : { prompt: "a", image_url: "b" },
  });
export async function generic<T extends { url: string }>(
  id: string,
  input: Record<string, unknown>,
): Promise<T[]> {
  const { data } = (await fal.subscribe(id, { input })) as { data: { images: T[] } };
  return data.images;
}
export const secondsOf = (metrics?: Metrics): number => metrics?.inference_time ?? 0;
export const proxied = () => createFalClient({ proxyUrl: "/api/fal/proxy" });
export const composed = createFalClient({
  credentials: process.env["FAL_KEY"] ?? "",
  requestMiddleware: withMiddleware(withProxy({ targetUrl: "/api/fal" }), async (request) => request),
});
export const patient: RetryOptions = {
  maxRetries: 3,
  baseDelay: 100,
  maxDelay: 1_000,
  backoffMultiplier: 2,
  retryableStatusCodes: [429, 503],
  enableJitter: true,
};
export const retrying = createFalClient({ credentials: "a:b", retry: patient, fetch: globalThis.fetch });
export const handler: ResponseHandler<any> = async (response) => response.json();
export const handling = createFalClient({ credentials: "a:b", responseHandler: handler });
export const forever: StorageSettings = { expiresIn: "never" };
export const private_: StorageSettings = {
  expiresIn: 3600,
  initialAcl: { default: "forbid", rules: [{ user: "acme", decision: "allow" }] },
};
export function live(onImage: (url: string) => void) {
  const requests = new Map<string, (url: string) => void>();
  const { send, close } = fal.realtime.connect("fal-ai/fast-lightning-sdxl", {
    connectionKey: "a-canvas",
    throttleInterval: 64,
    clientOnly: false,
    onError: (error) => onImage(error.message),
    onResult: (result) => {
      if (result.images?.[0]) requests.get(result.request_id)?.(result.images[0].url);
      onImage(URL.createObjectURL(new Blob([result.images[0].content], { type: "image/jpeg" })));
    },
    tokenProvider: async (app) => (await fetch("/api/token", { method: "POST", body: app })).text(),
    tokenExpirationSeconds: 100,
  });
  send({ prompt: "a", _force_msgpack: new Uint8Array([]), sync_mode: true });
  return () => close();
}
export async function hooked(request: Request): Promise<string | undefined> {
  const { status, payload, error, request_id }: WebHookResponse<Painted> = await request.json();
  return status === "ERROR" ? `${request_id}: ${error}` : payload.images[0]?.url;
}
export const useFal = <T>(work: (client: FalClient) => Promise<T>): Promise<T> => work(fal);
export const swallowed = async (): Promise<Painted | null> => {
  try {
    return (await fal.subscribe("fal-ai/flux/schnell", { input: { prompt: "a" } })).data;
  } catch (error) {
    const said =
      error instanceof ApiError ? JSON.stringify(error.body) : error instanceof Error ? error.message : "";
    return said === "" ? null : null;
  }
};
export const ticking = (report: (percent: number) => void) =>
  fal.subscribe("any/model", {
    input: {},
    pollInterval: 5_000,
    timeout: 300_000,
    onQueueUpdate: (update: any) => report(update.logs?.length ?? 0),
  });
export class Painter {
  private readonly fal: Pick<FalClient, "subscribe" | "queue">;
  constructor(client: Pick<FalClient, "subscribe" | "queue">) {
    this.fal = client;
  }
  paint = async (prompt: string): Promise<string[]> => {
    const { data } = await this.fal.subscribe("fal-ai/flux/schnell", { input: { prompt }, logs: false });
    return data.images.map((image) => image.url);
  };
}
export const painter = new Painter(fal);
