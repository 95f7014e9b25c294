import { createHash } from "node:crypto";
import { type FSWatcher, readFileSync, watch } from "node:fs";
import { basename, dirname } from "node:path";

export interface Watched {
  /** From now on it is watched too. */
  add(file: string): void;
  close(): void;
}

/** Editors write a file in several steps, and several files at once. */
const SETTLED_AFTER_MS = 100;

/**
 * Calls `changed` once some of the files that were added hold something else than before: not for one that was merely
 * touched, and not for files that nobody has loaded, such as those that the app writes. Folders are watched, so that a file
 * which is replaced is seen as well.
 */
export function watchFiles(changed: (files: readonly string[]) => void): Watched {
  const contents = new Map<string, string>();
  const folders = new Map<string, FSWatcher>();
  const touched = new Set<string>();
  let settling: NodeJS.Timeout | undefined;

  const settle = () => {
    const different = [...touched].filter((file) => {
      const before = contents.get(file);
      const now = digestOf(file);
      // Between its removal and its return it is neither the old one nor the new.
      if (now === undefined || now === before) return false;
      contents.set(file, now);
      return true;
    });
    touched.clear();
    if (different.length > 0) changed(different);
  };
  const look = (folder: string, name: string | null) => {
    for (const file of contents.keys()) {
      if (dirname(file) === folder && (name === null || basename(file) === name)) touched.add(file);
    }
    if (touched.size === 0) return;
    clearTimeout(settling);
    settling = setTimeout(settle, SETTLED_AFTER_MS);
  };

  return {
    add(file) {
      if (contents.has(file)) return;
      contents.set(file, digestOf(file) ?? "");
      const folder = dirname(file);
      if (folders.has(folder)) return;
      folders.set(
        folder,
        watch(folder, { persistent: false }, (_, name) => look(folder, name)).on("error", () => {}),
      );
    },
    close() {
      clearTimeout(settling);
      for (const watcher of folders.values()) watcher.close();
    },
  };
}

function digestOf(file: string): string | undefined {
  try {
    return createHash("sha256").update(readFileSync(file)).digest("hex");
  } catch {
    return undefined;
  }
}
