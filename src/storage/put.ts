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

const Part = z.looseObject({ partNumber: z.number(), etag: z.string() });

/** Parts of 10 MiB, each repeated by itself, then the list of them. */
export async function putInParts(file: Blob, target: Target): Promise<void> {
  const count = Math.ceil(file.size / PART_BYTES);
  const parts = await pooled(
    Array.from({ length: count }, (_, index) => file.slice(index * PART_BYTES, (index + 1) * PART_BYTES)),
    PARTS_AT_ONCE,
    (part, index) =>
      put(part, below(target.to, `${index + 1}`), {}, target, ({ text }) => {
        const { partNumber, etag } = z.parse(Part, JSON.parse(text));
        return { partNumber, etag };
      }),
  );
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
