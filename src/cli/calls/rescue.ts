import { existsSync } from "node:fs";
import { InvalidArgumentError } from "../../index.ts";
import { EXIT, printable, printableJson } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";

/** Reads a rescue file back into the store. */
export async function rescueCalls(io: Io, file: string | undefined, options: StoreOptions): Promise<number> {
  return withClient(io, options, async (fal) => {
    // One that was begun and left in the middle has another name.
    if (file !== undefined && !existsSync(file) && !existsSync(`${file}.reading`)) {
      throw new InvalidArgumentError(
        `There is no rescue file at ${file}: it was read back already, or the path is another one.`,
      );
    }
    const { file: path, restored, left } = await fal.calls.rescue(file);
    if (options.json) io.stdout.write(`${printableJson({ file: path, restored, left })}\n`);
    else if (restored + left.length === 0)
      io.stdout.write(`Nothing to restore: there is no ${printable(path)}.\n`);
    else {
      io.stdout.write(`${restored} entries of ${printable(path)} are restored.\n`);
      for (const { line, why } of left) {
        io.stdout.write(`left in the file: ${printable(why)}\n  ${printable(line)}\n`);
      }
    }
    return left.length === 0 ? EXIT.ok : EXIT.failed;
  });
}
