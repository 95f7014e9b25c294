import { addressOf } from "../address.ts";
import { aimOf } from "../faults/operation.ts";
import { plainError } from "../replies.ts";
import { createScrubber, type Scrubber } from "./scrub.ts";
import { dataOf, exchanged, openTape, type Tape } from "./tape.ts";

export interface RecordOptions {
  /** The key that fal is asked with. Programs need none of their own: whichever they send is exchanged for it. */
  readonly key: string;
  /** One origin that has all of fal's services by path, as an emulator does. @default fal's own hosts */
  readonly upstream?: string;
  /** @default the global fetch */
  readonly fetch?: typeof fetch;
}

export interface Recorder {
  /** Passes a request on, and its answer back. */
  readonly fetch: (request: Request) => Promise<Response>;
  /** Resolves when everything that was passed on is written down. @throws what the file system says. */
  close(): Promise<void>;
}

const HOSTS: Readonly<Record<string, string>> = {
  queue: "https://queue.fal.run",
  run: "https://fal.run",
  rest: "https://rest.fal.ai",
  api: "https://api.fal.ai",
  files: "https://v3.fal.media/files",
};
/** Of headers, only these are written down. */
const KEPT = /^(content-type|retry-after|x-fal-(?!target-url|key|token|signature).*)$/;
const NOT_PASSED_ON =
  /^(host|connection|content-length|transfer-encoding|accept-encoding|cookie|x-fal-target-url)$/;
const NOT_PASSED_BACK = /^(content-length|content-encoding|transfer-encoding|connection|set-cookie)$/;

interface Recording {
  readonly tape: Tape;
  readonly scrub: Scrubber;
  /** Takes a text that leads to a file, and gives what stands for it. */
  take(text: string): Promise<string | undefined>;
}

/**
 * Passes traffic to the real platform, and keeps each exchange as a JSON file in `directory`: without keys, tokens,
 * signatures and cookies, and with files by their hash. `replayFrom` answers from them. What is called is paid for.
 *
 * @throws what the file system says.
 *
 * @example
 * const recorder = recordTo("recording", { key });
 * const fal = createFal({ fetch: (input, init) => recorder.fetch(new Request(input, init)) });
 */
export function recordTo(directory: string, options: RecordOptions): Recorder {
  const { key, upstream, fetch = globalThis.fetch } = options;
  const tape = openTape(directory);
  const scrub = createScrubber();
  for (const part of [key, ...key.split(":")]) scrub.remember(part);
  const recording: Recording = { tape, scrub, take: takingFiles(tape, { upstream, fetch }) };
  const writing = new Set<Promise<void>>();
  const failures: unknown[] = [];

  return {
    async fetch(request) {
      const address = addressOf(request, {});
      const service = address?.path.split("/")[1] ?? "";
      const host = HOSTS[service];
      if (!address || host === undefined) return plainError(404, "This is no address of fal's.");
      const url = upstream
        ? `${upstream}${address.path}${address.search}`
        : `${host}${address.path.slice(service.length + 1)}${address.search}`;
      const headers = new Headers([...request.headers].filter(([name]) => !NOT_PASSED_ON.test(name)));
      for (const name of ["authorization", "cookie"])
        scrub.remember(request.headers.get(name)?.split(" ").at(-1));
      if (headers.has("authorization")) headers.set("authorization", `Key ${key}`);
      const { method, signal } = request;
      const body = method === "GET" || method === "HEAD" ? undefined : await request.bytes();
      const number = tape.number();
      const at = new Date().toISOString();
      const reply = await fetch(url, { method, headers, signal, redirect: "manual", ...(body && { body }) });
      const back = new Headers([...reply.headers].filter(([name]) => !NOT_PASSED_BACK.test(name)));
      const [theirs, ours] = reply.body && service !== "files" ? reply.body.tee() : [reply.body, null];
      const path = scrub.path(address.path, address.search);
      const write = async () => {
        const { bytes, isWhole } = await collected(ours);
        const asked = {
          ...{ method, path, headers: kept(request.headers) },
          ...(body && (await bodyOf(body, request.headers, recording))),
        };
        // What is announced there is not to be had yet.
        const isUpload = address.path.startsWith("/rest/storage");
        const isToken = address.path.startsWith("/rest/tokens");
        if (isToken) scrub.remember(new TextDecoder().decode(bytes).replaceAll('"', ""));
        const answered = isToken
          ? { body: "…" }
          : await bodyOf(
              bytes,
              reply.headers,
              isUpload ? { ...recording, take: async () => undefined } : recording,
            );
        const said = {
          ...{
            at,
            request: asked,
            reply: { status: reply.status, headers: kept(reply.headers), ...answered },
          },
          ...(!isWhole && { incomplete: true }),
        };
        tape.write(number, aimOf(address).operation, `${scrub.text(JSON.stringify(said, null, 2))}\n`);
      };
      if (service !== "files") {
        const written: Promise<void> = write()
          .catch((error: unknown) => void failures.push(error))
          .finally(() => writing.delete(written));
        writing.add(written);
      }
      const links = upstream
        ? { from: upstream, to: address.queueBase.replace(/\/queue$/, "") }
        : { from: HOSTS["queue"], to: address.queueBase };
      return new Response(await led(theirs, reply.headers, links), { status: reply.status, headers: back });
    },
    async close() {
      await Promise.all(writing);
      if (failures.length > 0) throw failures[0];
    },
  };
}

const kept = (headers: Headers) => Object.fromEntries([...headers].filter(([name]) => KEPT.test(name)));

async function collected(body: ReadableStream<Uint8Array> | null) {
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of body ?? []) pieces.push(piece);
    return { bytes: new Uint8Array(Buffer.concat(pieces)), isWhole: true };
  } catch {
    return { bytes: new Uint8Array(Buffer.concat(pieces)), isWhole: false };
  }
}

async function bodyOf(bytes: Uint8Array, headers: Headers, { tape, scrub, take }: Recording) {
  if (bytes.length === 0) return {};
  const type = headers.get("content-type") ?? "";
  const text = new TextDecoder().decode(bytes);
  if (/json|^$/.test(type)) {
    try {
      return { body: scrub.value(await exchanged(JSON.parse(text), take)) };
    } catch {
      return { text: scrub.events(text) };
    }
  }
  if (/^text\//.test(type)) return { text: scrub.events(text) };
  return { media: tape.keep(bytes, type) };
}

/** Whoever asks here is to follow the answer's links to here. */
async function led(
  body: ReadableStream<Uint8Array> | null,
  headers: Headers,
  { from, to }: { readonly from: string | undefined; readonly to: string },
): Promise<string | ReadableStream<Uint8Array> | null> {
  if (!body || from === undefined || !headers.get("content-type")?.includes("json")) return body;
  return (await new Response(body).text()).replaceAll(from, to);
}

/** Fetches each of fal's files once, without a key, and keeps it under its hash. */
function takingFiles(
  tape: Tape,
  { upstream, fetch }: { readonly upstream: string | undefined; readonly fetch: typeof globalThis.fetch },
): Recording["take"] {
  const known = new Map<string, Promise<string | undefined>>();
  const load = async (url: string): Promise<string | undefined> => {
    try {
      const reply = await fetch(url);
      if (!reply.ok) return undefined;
      return tape.keep(await reply.bytes(), reply.headers.get("content-type") ?? "");
    } catch {
      return undefined;
    }
  };
  return async (text) => {
    const data = await dataOf(text);
    if (data) return tape.keep(data.bytes, data.type);
    const path = upstream === undefined ? undefined : URL.parse(text)?.pathname;
    const isUpstreams = path?.startsWith("/files/") ?? false;
    if (!isUpstreams && !/^https:\/\/([\w-]+\.)*fal\.media\//.test(text)) return undefined;
    const url = isUpstreams ? `${upstream}${path}` : text;
    const loading = known.get(url) ?? load(url);
    known.set(url, loading);
    void loading.then((reference) => reference ?? known.delete(url));
    return loading;
  };
}
