import { createHash } from "node:crypto";
import type { FileStore } from "./files.ts";

/** Uploads in parts: announced under an id, put part by part, and a file once the list of them is complete. */
export interface Uploads {
  announce(id: string): void;
  /** Keeps a part, in place of an earlier one with its number; else says why not. */
  part(
    id: string,
    number: number,
    bytes: Uint8Array,
  ): { readonly partNumber: number; readonly etag: string } | "unknown" | "too large";
  /** Why it cannot be completed with this list; undefined when it is. */
  complete(id: string, list: readonly { partNumber: number; etag: string }[]): string | undefined;
}

type Parts = Map<number, { readonly etag: string; readonly bytes: Uint8Array }>;

const MOST_OPEN = 1_000;

const sizeOf = (parts: Parts): number =>
  [...parts.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);

export function createUploads(files: FileStore): Uploads {
  const open = new Map<string, Parts>();

  /** What nobody completes makes room for what comes. */
  const makeRoom = () => {
    for (const id of open.keys()) {
      const held = [...open.values()].reduce((sum, parts) => sum + sizeOf(parts), 0);
      if (open.size <= MOST_OPEN && held <= files.mostBytes) return;
      open.delete(id);
    }
  };

  return {
    announce(id) {
      open.set(id, new Map());
      makeRoom();
    },
    part(id, partNumber, bytes) {
      const parts = open.get(id);
      if (!parts) return "unknown";
      const others = sizeOf(parts) - (parts.get(partNumber)?.bytes.length ?? 0);
      if (others + bytes.length > files.mostBytes) return "too large";
      // The latest to grow is the last to go.
      open.delete(id);
      open.set(id, parts);
      const etag = createHash("md5").update(bytes).digest("hex");
      parts.set(partNumber, { etag, bytes });
      makeRoom();
      return { partNumber, etag };
    },
    complete(id, list) {
      const parts = open.get(id);
      if (!parts) return "This upload was not announced, or is done already";
      const named = list.map(({ partNumber, etag }, at) => {
        const part = parts.get(partNumber);
        return partNumber === at + 1 && part?.etag === etag ? part.bytes : undefined;
      });
      const whole = named.filter((bytes) => bytes !== undefined);
      if (whole.length !== named.length || named.length !== parts.size || named.length === 0) {
        return "The list must name every part that was put, in order, with its etag";
      }
      open.delete(id);
      files.receive(id, Buffer.concat(whole));
      return undefined;
    },
  };
}
