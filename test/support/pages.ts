import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

export const root = join(import.meta.dirname, "../..");

export interface Page {
  /** From the root of the repository: `docs/calls.md`. */
  readonly path: string;
  readonly text: string;
}

/** A block of code, and where it is: `docs/calls.md:12`. */
export interface Block {
  readonly at: string;
  readonly code: string;
}

/** What people read: the pages at the root, those in docs, and the list of examples. */
export const pages: readonly Page[] = ["", "docs", "examples"].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => {
      const path = join(root, folder, name);
      return { path: relative(root, path), text: readFileSync(path, "utf8") };
    }),
);

/** The blocks of one language, on all pages. */
export const blocksOf = (language: string): readonly Block[] =>
  pages.flatMap(({ path, text }) =>
    [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map(({ index, 1: code }) => ({
      at: `${path}:${text.slice(0, index).split("\n").length}`,
      code: code ?? "",
    })),
  );
