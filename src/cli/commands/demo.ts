import { emulatorUnlessKey } from "../../emulator/index.ts";
import { createFal } from "../../index.ts";
import { download, EXIT, showRun, untilInterrupted } from "../../terminal/index.ts";
import type { Io } from "../io.ts";
import { loggerFor } from "../logger.ts";
import { withStore } from "../store.ts";

/** The poster chain of the first example, for who has no clone of the repository. */
export async function demo(
  { stdout, stderr, env, cwd }: Io,
  words: readonly string[],
  options: { out: string },
): Promise<number> {
  const { emulator, close, env: reaching } = await emulatorUnlessKey(env);
  const fal = createFal({
    // What an emulator did is gone with it, and was not paid.
    env: emulator ? { ...reaching, FAL_CHAIN_STORE: "memory" } : withStore({ env: reaching, cwd }),
    ...loggerFor({ env, stderr }),
  });
  const poster = fal.chain("poster", async (input: { prompt: string }) => {
    const { data } = await fal.subscribe("fal-ai/flux/schnell", { step: "picture", input, logs: true });
    const image_url = data.images[0].url;
    const [large, cutout] = await Promise.all([
      fal.subscribe("fal-ai/esrgan", { step: "large", input: { image_url, scale: 2 }, logs: true }),
      fal.subscribe("fal-ai/birefnet/v2", { step: "cutout", input: { image_url }, logs: true }),
    ]);
    return { picture: image_url, large: large.data.image.url, cutout: cutout.data.image.url };
  });

  try {
    return await untilInterrupted(async (abortSignal) => {
      // What is wrong with the environment is said first, and not as the failure of a call.
      void fal.environment.key;
      if (emulator) {
        stdout.write(`No FAL_KEY: the built-in emulator stands in for fal (${emulator.url}).\n`);
      }
      const prompt = words.join(" ").trim() || "a lighthouse at dawn";
      stdout.write(`Poster: ${prompt}\n\n`);

      const run = poster.start({ prompt }, { abortSignal });
      const files = await showRun(run, { output: stdout, received: () => emulator?.emulator.jobs });
      const saved = await download(files, options.out, { signal: abortSignal });
      stdout.write(`\nSaved ${saved.join(", ")}\n`);
      return EXIT.ok;
    }, stderr);
  } finally {
    await fal.close();
    await close();
  }
}
