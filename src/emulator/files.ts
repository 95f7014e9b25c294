import { createHash } from "node:crypto";

export interface StoredFile {
  readonly id: string;
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface FileStore {
  /** Gives the path below a files base: `/id/name`. */
  put(bytes: Uint8Array, name: string, contentType: string): string;
  /** Keeps bytes under an id that was handed out before they came, as an upload does. */
  putAs(id: string, bytes: Uint8Array, name: string, contentType: string): void;
  get(id: string): StoredFile | undefined;
  /** The file that a URL points to, whichever origin it names. */
  find(url: URL): StoredFile | undefined;
  readonly mostBytes: number;
}

/**
 * Files in memory, oldest out first. The id is a digest of the bytes: a link kept from an earlier life of the
 * emulator is either the same picture or gone, never another one.
 */
export function createFileStore(mostBytes = 256 * 2 ** 20): FileStore {
  const files = new Map<string, StoredFile>();
  let held = 0;

  const drop = (id: string) => {
    held -= files.get(id)?.bytes.length ?? 0;
    files.delete(id);
  };

  const keep = (id: string, bytes: Uint8Array, name: string, contentType: string) => {
    drop(id);
    files.set(id, { id, name, contentType, bytes: new Uint8Array(bytes) });
    held += bytes.length;
    for (const oldest of files.keys()) {
      if (held <= mostBytes || oldest === id) break;
      drop(oldest);
    }
  };

  return {
    mostBytes,
    put(bytes, name, contentType) {
      const id = createHash("sha256").update(bytes).digest("hex").slice(0, 24);
      keep(id, bytes, name, contentType);
      return `/${id}/${encodeURIComponent(name)}`;
    },
    putAs: keep,
    get: (id) => files.get(id),
    find(url) {
      const [folder, id] = url.pathname.split("/").filter(Boolean);
      return folder === "files" && id ? files.get(id) : undefined;
    },
  };
}
