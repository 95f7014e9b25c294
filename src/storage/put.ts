import * as z from "zod/mini";
import { pooled } from "../base/pooled.ts";
import type { Transport } from "../base/transport.ts";

/** An address that was announced. What goes there carries no key: the address is the permission. */
export interface Target {
  readonly transport: Transport;
  readonly to: string;
  readonly signal: AbortSignal | undefined;
}

const PART_BYTES = 10 * 2 ** 20;
const PARTS_AT_ONCE = 3;

/** One attempt may take so long: a minute, and what a slow line (50 kB/s) needs for the bytes. In milliseconds. */
const patience = (bytes: number): number => 60_000 + bytes / 50;

export async function putWhole(file: Blob, contentType: string, target: Target): Promise<void> {
  await put(file, target.to, { "content-type": contentType }, target, () => {});
}

const Uploaded = z.looseObject({ partNumber: z.number(), etag: z.string() });

/** A part that fal has. */
export type Part = Pick<z.output<typeof Uploaded>, "partNumber" | "etag">;

/**
 * Parts of 10 MiB, each repeated by itself, then the list of them.
 *
 * @param done Parts that are there already, by their place; those that come are added. @param tell Told of the bytes that are there.
 */
export async function putInParts(
  file: Blob,
  done: Map<number, Part>,
  tell: (bytes: number) => void,
  target: Target,
): Promise<void> {
  const all = Array.from({ length: Math.ceil(file.size / PART_BYTES) }, (_, index) => index);
  const partOf = (index: number) => file.slice(index * PART_BYTES, (index + 1) * PART_BYTES);
  const bytesDone = () => [...done.keys()].reduce((sum, index) => sum + partOf(index).size, 0);
  const missing = all.filter((index) => !done.has(index));
  tell(bytesDone());
  await pooled(missing, PARTS_AT_ONCE, async (index) => {
    const part = await put(partOf(index), below(target.to, `${index + 1}`), {}, target, ({ text }) => {
      const { partNumber, etag } = z.parse(Uploaded, JSON.parse(text));
      return { partNumber, etag };
    });
    done.set(index, part);
    tell(bytesDone());
  });
  const parts = all.map((index) => done.get(index));
  await target.transport.send(
    {
      operation: "upload",
      method: "POST",
      url: below(target.to, "complete"),
      keyless: "file",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ parts }),
      signal: target.signal,
    },
    () => {},
  );
}

const put = <T>(
  body: Blob,
  url: string,
  headers: Record<string, string>,
  { transport, signal }: Target,
  read: Parameters<typeof transport.send<T>>[1],
): Promise<T> =>
  transport.send(
    {
      operation: "upload",
      method: "PUT",
      url,
      keyless: "file",
      headers,
      body,
      attemptTimeout: patience(body.size),
      signal,
    },
    read,
  );

/** The address's query is its signature, and stays. */
function below(address: string, name: string): string {
  const { origin, pathname, search } = new URL(address);
  return `${origin}${pathname}/${name}${search}`;
}
