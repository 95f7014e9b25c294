import { createHash } from "node:crypto";
import type { FileStore } from "./files.ts";

/** Uploads in parts: announced under an id, put part by part, and a file once the list of them is complete. */
export interface Uploads {
  announce(id: string): void;
  /** Keeps a part, in place of an earlier one with its number; undefined when no such upload was announced. */
  part(
    id: string,
    number: number,
    bytes: Uint8Array,
  ): { readonly partNumber: number; readonly etag: string } | undefined;
  /** Why it cannot be completed with this list; undefined when it is. */
  complete(id: string, list: readonly { partNumber: number; etag: string }[]): string | undefined;
}

export function createUploads(files: FileStore): Uploads {
  const open = new Map<string, Map<number, { readonly etag: string; readonly bytes: Uint8Array }>>();

  return {
    announce: (id) => void open.set(id, new Map()),
    part(id, partNumber, bytes) {
      const parts = open.get(id);
      if (!parts) return undefined;
      const etag = createHash("md5").update(bytes).digest("hex");
      parts.set(partNumber, { etag, bytes });
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
