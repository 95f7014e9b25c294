import { canonicalJson } from "../../base/canonical-json.ts";
import { type Address, addressOf } from "../address.ts";
import { plainError } from "../replies.ts";
import { createScrubber } from "./scrub.ts";
import { dataOf, type Exchange, exchanged, mediaOf, readMedia, readTape } from "./tape.ts";

type Answer = (request: Request) => Promise<Response>;

export interface ReplayOptions {
  /** Answers what a recording cannot: uploads, tokens, and the files of those. An emulator's `fetch`. */
  readonly emulator: Answer;
  /** True: what was not recorded is an error. False: the emulator answers it. @default false */
  readonly strict?: boolean;
}

/** Announced and received anew each time: their addresses are secrets, which no recording has. */
const NOT_RECORDED = /^\/(files|_emulator|rest\/(storage|tokens))(\/|$)/;
const RECORDED_FILE = /^\/files\/([0-9a-f]{64}\.[a-z0-9]+)$/;

/**
 * Answers from what `recordTo` has written: each submit and each direct call once, in the order of equal ones, so that
 * one more than was recorded is seen; what is read, in the order of the recording, and its last answer again and again.
 *
 * @throws {RangeError} where there is no recording, or a file of it cannot be read.
 *
 * @example
 * const emulator = createEmulator();
 * const replay = replayFrom("recording", { emulator: emulator.fetch, strict: true });
 * const fal = createFal({ env, fetch: (input, init) => replay(new Request(input, init)) });
 */
export function replayFrom(directory: string, { emulator, strict = false }: ReplayOptions): Answer {
  const exchanges = readTape(directory);
  const byKey = Map.groupBy(exchanges, ({ request }) => keyOf(request.method, request.path, request.body));
  const used = new Map<string, number>();
  const scrub = createScrubber();

  const take = async (text: string): Promise<string | undefined> => {
    const data = await dataOf(text);
    if (data) return mediaOf(data.bytes, data.type);
    const path = URL.parse(text)?.pathname;
    if (!path?.startsWith("/files/")) return undefined;
    const recorded = RECORDED_FILE.exec(path)?.[1];
    if (recorded) return `media:${recorded}`;
    const file = await emulator(new Request(text));
    return file.ok ? mediaOf(await file.bytes(), file.headers.get("content-type") ?? "") : undefined;
  };

  return async (request) => {
    const address = addressOf(request, {});
    const file = RECORDED_FILE.exec(address?.path ?? "")?.[1];
    const bytes = file === undefined ? undefined : readMedia(directory, file);
    if (bytes) return new Response(bytes, { headers: { "content-type": typeOf(file) } });
    if (!address || NOT_RECORDED.test(address.path)) return emulator(request);
    const path = scrub.path(address.path, address.search);
    const { method } = request;
    const sent = method === "GET" || method === "HEAD" ? undefined : jsonOf(await request.clone().text());
    const input = sent === undefined ? undefined : scrub.value(await exchanged(sent, take));
    const key = keyOf(method, path, input);
    const found = byKey.get(key) ?? [];
    const nth = used.get(key) ?? 0;
    used.set(key, nth + 1);
    const exchange = found[nth] ?? (method === "POST" ? undefined : found.at(-1));
    if (exchange) return replyOf(exchange, address, directory);
    return strict ? missing(method, path, found, exchanges) : emulator(request);
  };
}

const keyOf = (method: string, path: string, body: unknown): string =>
  `${method} ${path} ${body === undefined ? "" : withoutExtensions(canonicalJson(JSON.stringify(body), (text) => text))}`;

/** The same bytes are the same file, whatever they are said to be. */
const withoutExtensions = (text: string): string => text.replace(/(media:[0-9a-f]{64})\.[a-z0-9]+/g, "$1");

function jsonOf(text: string): unknown {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return text;
  }
}

async function replyOf(
  { reply }: Exchange,
  { filesBase, queueBase }: Address,
  directory: string,
): Promise<Response> {
  const { status, headers, body, text, media } = reply;
  const here = async (said: string) =>
    said.startsWith("media:")
      ? `${filesBase}/${said.slice("media:".length)}`
      : said.replace(/^https?:\/\/(queue\.fal\.run|[^/]+\/queue)(?=\/)/, queueBase);
  if (media !== undefined)
    return new Response(readMedia(directory, media.slice("media:".length)) ?? null, { status, headers });
  const content = body === undefined ? (text ?? null) : JSON.stringify(await exchanged(body, here));
  return new Response(status === 204 ? null : content, { status, headers });
}

/** 404: nobody tries that again. */
function missing(
  method: string,
  path: string,
  found: readonly Exchange[],
  all: readonly Exchange[],
): Response {
  const there = all.filter(({ request }) => request.method === method && request.path === path);
  const why =
    found.length > 0
      ? `was recorded ${found.length === 1 ? "once" : `${found.length} times`}, and is asked once more`
      : there.length > 0
        ? `was recorded with other bodies: ${there.map(({ request }) => JSON.stringify(request.body)?.slice(0, 200)).join(", ")}`
        : `was not recorded. There are: ${[...new Set(all.map(({ request }) => `${request.method} ${request.path}`))].slice(0, 10).join(", ")}`;
  return plainError(404, `${method} ${path} ${why}.`);
}

const TYPES: Readonly<Record<string, string>> = {
  ...{ jpg: "image/jpeg", png: "image/png", webp: "image/webp", gif: "image/gif", svg: "image/svg+xml" },
  ...{ mp4: "video/mp4", webm: "video/webm", mp3: "audio/mpeg", wav: "audio/wav", ogg: "audio/ogg" },
  ...{ glb: "model/gltf-binary", json: "application/json", txt: "text/plain", zip: "application/zip" },
};
const typeOf = (name = ""): string => TYPES[name.split(".")[1] ?? ""] ?? "application/octet-stream";
