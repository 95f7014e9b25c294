// What users of the official client write, as it must go on compiling once its import is changed.
import {
  ApiError,
  type CompletedQueueStatus,
  createFalClient,
  type FalClient,
  type FalStream,
  fal,
  type InProgressQueueStatus,
  type InQueueQueueStatus,
  isCompletedQueueStatus,
  isQueueStatus,
  isRetryableError,
  type Metrics,
  type OutputType,
  parseEndpointId,
  type QueueClient,
  type QueueStatus,
  type RealtimeClient,
  type RequestLog,
  type Result,
  type RunOptions,
  type StorageClient,
  type StorageSettings,
  type StreamingClient,
  type TokenProvider,
  type UrlOptions,
  ValidationError,
  type ValidationErrorInfo,
  type WebHookResponse,
} from "@fal-ai/client";

const show = (..._: unknown[]): void => {};
declare const blob: Blob;
declare const given: any;

// Promises
export const promised: Promise<Result<any>> = fal.subscribe("any/model", { input: { prompt: "a" } });
export const loosely: Promise<any> = fal.subscribe("fal-ai/flux/schnell", { input: { prompt: "a" } });
export function returned(): Promise<Result<any>> {
  return fal.subscribe("any/model", { input: {} });
}
export async function firstUrl(): Promise<string> {
  const result = await fal.subscribe("any/model", { input: {} });
  return result.data.images[0].url;
}
export function casting<T>(id: string, input: object) {
  return fal.subscribe(id, { input }) as Promise<Result<T>>;
}
export const together = Promise.all([
  fal.subscribe("any/model", { input: {} }),
  fal.run("any/model", { input: {} }),
]);
export const inTime = Promise.race([
  fal.subscribe("any/model", { input: {} }),
  new Promise<never>((_, reject) => setTimeout(reject, 10)),
]);
fal
  .subscribe("any/model", { input: { a: 1 } })
  .then((result) => result.data.images[0].url)
  .catch((error: Error) => error.message)
  .finally(() => {});
fal.subscribe("any/model", { input: {} }).then(
  (result: any) => result.data,
  (error: any) => error.body.detail,
);

// Results that are changed, cast and handed on
export async function known() {
  const result = await fal.subscribe("fal-ai/flux/schnell", { input: { prompt: "a" } });
  const images: { url: string }[] = result.data.images;
  const image = result.data.images[0];
  const width: number | undefined = image?.width;
  const type: string | undefined = image?.content_type;
  const size = { width: image?.width ?? 1024, height: image?.height || 768 };
  const area: number = size.width * size.height;
  if (image) result.data.images.push(image);
  result.data.images = result.data.images.filter((one) => one.url);
  result.data.images.sort();
  result.data.seed = 3;
  let { data, requestId } = result;
  data = result.data;
  const text: string = requestId;
  const cast = result.data as { images: Array<{ url: string }> };
  const far = result as unknown as { data: { image: { url: string } } };
  const record = result.data as Record<string, any>;
  return [images, width, type, area, data, text, cast, far, record, result as any];
}
export async function unknown() {
  const typed = (await fal.subscribe("any/model", { input: { a: 1 } })) as Result<{ video: { url: string } }>;
  const cast = (await fal.subscribe("any/model", { input: { a: 1 } })) as {
    data: { images: { url: string }[] };
  };
  const video: string | undefined = (await fal.subscribe("any/model", { input: {} })).data?.video?.url;
  const { data } = await fal.subscribe("any/model", { input: given });
  data.anything.at.all = 1;
  for (const image of data.images) show(image.url);
  const nothing = await fal.subscribe("any/model", {});
  if (!nothing.data || !nothing.data.images || nothing.data.images.length === 0) throw new Error("none");
  const any: any = await fal.subscribe("any/model", given);
  return [typed, cast, video, any];
}
export async function keeping() {
  const kept: {
    data: {
      images: { url: string; width?: number | undefined; height?: number | undefined }[];
      seed: number;
    };
    requestId: string;
  } = await fal.subscribe("fal-ai/flux/schnell", {
    input: { prompt: "a", image_size: "square_hd", num_images: 2, enable_safety_checker: false },
  });
  let last: Result<any> | undefined = await fal.subscribe("any/model", { input: {} });
  last = await fal.run("fal-ai/flux/schnell", { input: { prompt: "a" } });
  let state: { data?: any; requestId?: string } = {};
  state = await fal.subscribe("any/model", { input: {} });
  return [kept, last, state];
}
export type Flux = OutputType<"fal-ai/flux/schnell">;
export const urlOf = (output: Flux) => output.images[0]?.url;
type Given = Awaited<ReturnType<typeof fal.subscribe>>;
export const idOf = (result: Given) => result.requestId;

// Updates
export const log = (update: QueueStatus) => {
  if (update.status === "IN_PROGRESS" && update.logs) {
    update.logs.map((line: RequestLog) => line.message).forEach((message: string) => show(message));
  }
};
export const ownUpdate = (update: { status: string; logs?: { message: string }[] }) => show(update);
fal.subscribe("any/model", { input: {}, onQueueUpdate: log });
fal.subscribe("any/model", { input: {}, onQueueUpdate: ownUpdate });
fal.subscribe("any/model", { input: {}, onQueueUpdate: (update: any) => show(update.logs) });
fal.subscribe("any/model", {
  input: { prompt: "a" },
  logs: true,
  onEnqueue: (requestId) => show(requestId.slice(1)),
  onQueueUpdate: (update) => {
    if (update.status === "IN_PROGRESS") {
      update.logs.map((line) => line.message).forEach((message) => show(message));
      update.logs?.forEach((line) => {
        const [level, at, source]: [string, string, "USER"] = [line.level, line.timestamp, line.source];
        show(level, at, source);
      });
    }
    if (update.status === "IN_QUEUE") show(update.queue_position.toFixed());
    if (update.status === "COMPLETED") {
      const seconds: number | null | undefined = update.metrics?.inference_time;
      show(
        seconds,
        (update.logs ?? []).map((line) => line.message),
      );
    }
    show(update.request_id + update.response_url + update.status_url + update.cancel_url);
  },
});
fal.subscribe("any/model", {
  input: {},
  onQueueUpdate: async (update) => {
    await Promise.resolve(update);
  },
});

// Options
fal.subscribe("any/model", { input: {}, mode: "polling", pollInterval: 500 });
fal.subscribe("any/model", { input: {}, mode: "streaming", connectionMode: "server" });
fal.subscribe("any/model", {
  ...{ input: {}, pollInterval: 1_000, timeout: 1_000, startTimeout: 10, priority: "low" },
  ...{ headers: { a: "b" }, webhookUrl: "https://a.example", method: "post" },
  abortSignal: new AbortController().signal,
  storageSettings: { expiresIn: "1h" },
});
export const options: RunOptions<Record<string, any>> = { input: { a: 1 }, method: "post" };
fal.subscribe("any/model", options);
fal.run("any/model", options);
export const input: Record<string, unknown> = { prompt: "a" };
fal.subscribe("any/model", { input });
fal.subscribe("any/model" as string, { input });
export const constant = {
  input: { prompt: "a", image_size: { width: 1, height: 1 } },
  logs: true,
} as const;
fal.subscribe("any/model", constant);
fal.subscribe("fal-ai/flux/schnell", constant);
export type SubscribeOptions = Parameters<typeof fal.subscribe>[1];
export const subscribeOptions: SubscribeOptions = { input: { a: 1 }, logs: true };
export const settings: StorageSettings = { expiresIn: 3600 };
export const metrics: Metrics = { inference_time: null };
export const address: UrlOptions = { path: "/a" };

// The queue
export async function queue() {
  const { request_id } = await fal.queue.submit("any/model", {
    input: { a: 1 },
    ...{ webhookUrl: "https://a.example", priority: "normal", hint: "a", startTimeout: 2, headers: {} },
  });
  const submitted: InQueueQueueStatus = await fal.queue.submit("fal-ai/flux/schnell", {
    input: { prompt: "a" },
  });
  const status: QueueStatus = await fal.queue.status("any/model", { requestId: request_id, logs: true });
  const done: CompletedQueueStatus = await fal.queue.subscribeToStatus("any/model", {
    ...{ requestId: request_id, logs: true, mode: "streaming" },
    onQueueUpdate(update) {
      show(update.status);
    },
  });
  if (status.status === "COMPLETED") {
    const result = await fal.queue.result("any/model", { requestId: request_id });
    const url: string = result.data.video.url;
    return url;
  }
  await fal.queue.cancel("any/model", { requestId: request_id });
  const progress = status as InProgressQueueStatus;
  switch (status.status) {
    case "IN_QUEUE":
      return [status.queue_position, submitted.queue_position, done.metrics, progress.logs];
    default:
      return status.logs;
  }
}
export const isQueued = (value: unknown) =>
  isQueueStatus(value) && value.status === "IN_QUEUE" && !isCompletedQueueStatus(value);

// Streams
export async function streaming(signal: AbortSignal) {
  const stream: FalStream<any, any> = await fal.stream("any/model", {
    ...{ input: { prompt: "a" }, queryParams: { a: "b" }, timeout: 1_000, method: "post", signal },
    ...{ accept: "text/event-stream", autoUpload: true, url: "https://fal.run/any/model/stream" },
    connectionMode: "client",
    tokenProvider: async (app) => app.toUpperCase(),
  });
  stream.on("data", (event) => show(event.images[0].url));
  stream.on("data", (event: { output: string }) => show(event.output));
  stream.on("error", (error: ApiError<any>) => show(error.message));
  stream.on("done", ({ images }) => show(images));
  for await (const event of stream) {
    const partial = event as { output: string; partial?: boolean };
    partial.output += "!";
    show(partial, event.images[0].url);
  }
  const result = await stream.done();
  result.images.push({ url: "" });
  const text = (await stream.done()) as { output: string };
  stream.abort();
  stream.abort("enough");
  stream.abort(new Error("enough"));
  const [id, aborted, endpoint, url]: [string, boolean, string, string] = [
    ...([stream.requestId, stream.signal.aborted] as const),
    ...([stream.endpointId, stream.url] as const),
  ];
  const streams: StreamingClient = fal.streaming;
  const known = await streams.stream("fal-ai/flux/schnell", { input: { prompt: "a" } });
  const provider: TokenProvider = () => Promise.resolve("token");
  const statuses = await fal.queue.streamStatus("any/model", { requestId: id, logs: true });
  statuses.on("data", (update: QueueStatus) => show(update.status));
  for await (const update of statuses) if (update.status === "IN_QUEUE") show(update.queue_position);
  const last: QueueStatus = await statuses.done();
  return [text, aborted, endpoint, url, provider, last, (await known.done()).images[0]?.url];
}

// Realtime
export function drawing() {
  const connection = fal.realtime.connect("any/model", {
    ...{ connectionKey: "a", throttleInterval: 64, maxBuffering: 2, path: "/live", clientOnly: true },
    onResult(result) {
      show(result.images[0].url, result.request_id);
    },
    onError(error) {
      show(error.message, error.status, error.body);
    },
    ...{ tokenProvider: async (app: string) => app, tokenExpirationSeconds: 120 },
    encodeMessage: (input) => JSON.stringify(input),
    decodeMessage: async (data) => JSON.parse(data),
  });
  connection.send({ prompt: "a", request_id: "1" });
  const typed = fal.realtime.connect<{ prompt: string }, { images: { url: string }[] }>("any/model", {
    onResult: ({ images, request_id }) => show(images[0]?.url, request_id.length),
    onError: (error: ApiError<any>) => show(error.status),
  });
  typed.send({ prompt: "a" });
  typed.close();
  const client: RealtimeClient = fal.realtime;
  return client;
}
// Errors
export async function failing() {
  try {
    await fal.subscribe("any/model", { input: {} });
  } catch (error) {
    if (error instanceof ValidationError) {
      const fields: ValidationErrorInfo[] = error.fieldErrors;
      const where: (string | number)[] | undefined = error.getFieldErrors("prompt")[0]?.loc;
      show(fields.map((field) => field.msg).join(), where, error.body.detail[0]?.msg);
    }
    if (error instanceof ApiError) {
      const [status, id]: [number, string] = [error.status, error.requestId];
      show(status, id, error.body.detail[0].msg, error.body?.detail, error.isUserTimeout, error.timeoutType);
    }
    const detailed = error as ApiError<{ detail: string }>;
    const detail: string = detailed.body.detail;
    show(detail, (error as ApiError<any>).body.anything, isRetryableError(error, [500]));
  }
  return new ApiError({ message: "a", status: 500, body: {}, requestId: "x" });
}

// Clients
fal.config({ credentials: "id:secret" });
fal.config({ credentials: `${process.env["KEY_ID"]}:${process.env["KEY_SECRET"]}` });
fal.config({});
export const client: FalClient = createFalClient({ credentials: "a:b" });
export const global: FalClient = fal;
export const lazy = createFalClient({ credentials: () => process.env["FAL_KEY"] });
export class Service {
  private readonly client: FalClient;
  private readonly queue: QueueClient;
  private readonly storage: StorageClient;
  constructor(key: string) {
    this.client = createFalClient({ credentials: key });
    this.queue = this.client.queue;
    this.storage = this.client.storage;
  }
  async call<T>(id: string, input: Record<string, any>): Promise<T> {
    const result = await this.client.subscribe(id, { input });
    return result.data as T;
  }
  parts() {
    return [this.queue, this.storage];
  }
}
export const dependencies = { subscribe: fal.subscribe, run: fal.run.bind(fal) };
export const mocked = { subscribe: async () => ({ data: 1, requestId: "a" }) } as unknown as typeof fal;

// Files, hooks, ids
export async function files() {
  const picture = new File([blob], "a.png", { type: "image/png" });
  const url: string = await fal.storage.upload(picture, { lifecycle: { expiresIn: "1d" } });
  const other: string = await fal.storage.upload(new Blob([new Uint8Array(1)], { type: "image/png" }));
  const taken = await fal.storage.transformInput({ a: picture });
  return [url, other, taken["a"]];
}
export async function hook(request: Request) {
  const body = (await request.json()) as WebHookResponse;
  return body.status === "OK" ? body.payload.images[0].url : body.error;
}
export const videoOf = (body: WebHookResponse<{ video: { url: string } }>) => body.payload.video.url;
const parts = parseEndpointId("a/b/c");
export const id: string = parts.owner + parts.alias + (parts.path ?? "") + (parts.namespace ?? "");
