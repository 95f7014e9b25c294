import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * Whether a file is the program that was started, and not imported by another one.
 *
 * @example if (isMain(import.meta)) await app.serve();
 */
export function isMain(meta: { readonly url: string }): boolean {
  const [, started] = process.argv;
  if (started === undefined || !meta.url.startsWith("file:")) return false;
  try {
    return realpathSync(started) === realpathSync(fileURLToPath(meta.url));
  } catch {
    return false;
  }
}
