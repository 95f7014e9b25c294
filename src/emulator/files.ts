import { createHash } from "node:crypto";
import type { Past, PastFile } from "./past.ts";

export interface StoredFile {
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface FileStore {
  /** Keeps a file and gives its path below a files base: `/id/name`. */
  put(bytes: Uint8Array, name: string, contentType: string): string;
  /** Gives the path of a file that is to be uploaded under this id. */
  announce(id: string, name: string, contentType: string): string;
  /** Keeps the bytes of an announced file; false when it was not announced. */
  receive(id: string, bytes: Uint8Array): boolean;
  get(id: string): StoredFile | undefined;
  /** The file that a URL points to, whichever origin it names. */
  find(url: URL): StoredFile | undefined;
  /** Every file, oldest first. */
  all(): PastFile[];
  /** Keeps these files instead of those that there are. */
  replace(files: readonly PastFile[]): void;
  readonly mostBytes: number;
}

/** Of more, the oldest are not waited for any longer. */
const MOST_ANNOUNCED = 10_000;

/**
 * Files in memory, oldest out first. The id of a file that a model made is a digest of its bytes: a link kept from an
 * earlier life of the emulator is either the same picture or gone, never another one.
 */
export function createFileStore(mostBytes = 256 * 2 ** 20, past?: Past): FileStore {
  const files = new Map<string, StoredFile>();
  const announced = new Map<string, Omit<StoredFile, "bytes">>();
  let held = 0;

  const drop = (id: string) => {
    held -= files.get(id)?.bytes.length ?? 0;
    if (files.delete(id)) past?.dropFile(id);
  };

  const keep = (id: string, file: StoredFile) => {
    drop(id);
    past?.noteFile({ id, ...file });
    hold(id, file);
  };

  const hold = (id: string, file: StoredFile) => {
    files.set(id, file);
    held += file.bytes.length;
    for (const oldest of files.keys()) {
      if (held <= mostBytes || oldest === id) break;
      drop(oldest);
    }
  };

  for (const { id, ...file } of past?.files ?? []) hold(id, file);

  const pathOf = (id: string, name: string) => `/${id}/${encodeURIComponent(name.toWellFormed())}`;

  return {
    mostBytes,
    put(bytes, name, contentType) {
      const id = createHash("sha256").update(bytes).digest("hex").slice(0, 24);
      keep(id, { name, contentType, bytes: new Uint8Array(bytes) });
      return pathOf(id, name);
    },
    announce(id, name, contentType) {
      announced.set(id, { name, contentType });
      for (const oldest of announced.keys()) {
        if (announced.size <= MOST_ANNOUNCED) break;
        announced.delete(oldest);
      }
      return pathOf(id, name);
    },
    receive(id, bytes) {
      const file = announced.get(id);
      if (!file) return false;
      announced.delete(id);
      keep(id, { ...file, bytes: new Uint8Array(bytes) });
      return true;
    },
    get: (id) => files.get(id),
    all: () => [...files].map(([id, file]) => ({ id, ...file })),
    replace(others) {
      for (const id of [...files.keys()]) drop(id);
      for (const { id, ...file } of others) keep(id, file);
    },
    find(url) {
      const [folder, id] = url.pathname.split("/").filter(Boolean);
      return folder === "files" && id ? files.get(id) : undefined;
    },
  };
}
