import { emulatorUnlessKey } from "../../emulator/index.ts";
import { createFal } from "../../index.ts";
import { download, showRun, untilInterrupted } from "../../terminal/index.ts";
import { EXIT, type Io } from "../io.ts";

/** The poster chain, for who has no clone of the repository. */
export async function demo(
  { stdout, stderr, env }: Io,
  words: readonly string[],
  options: { out: string },
): Promise<number> {
  const platform = await emulatorUnlessKey(env);
  const fal = createFal({ env: platform.env });
  const poster = fal.chain("poster", async (input: { prompt: string }) => {
    const { data } = await fal.subscribe("fal-ai/flux/schnell", { step: "picture", input, logs: true });
    const image_url = data.images[0].url;
    const [large, cutout] = await Promise.all([
      fal.subscribe("fal-ai/esrgan", { step: "large", input: { image_url, scale: 2 }, logs: true }),
      fal.subscribe("fal-ai/birefnet/v2", { step: "cutout", input: { image_url }, logs: true }),
    ]);
    return { picture: image_url, large: large.data.image.url, cutout: cutout.data.image.url };
  });

  if (platform.emulator) {
    stdout.write(
      `No FAL_KEY: using the built-in emulator on ${platform.emulator.url}. Its pictures are drawn by stand-ins.\n`,
    );
  }
  try {
    const prompt = words.join(" ").trim() || "a lighthouse at dawn";
    return await untilInterrupted(async (abortSignal) => {
      const files = await showRun(poster.start({ prompt }, { abortSignal }), stdout);
      stdout.write(`\nSaved ${(await download(files, options.out, { signal: abortSignal })).join(", ")}\n`);
      return EXIT.ok;
    }, stderr);
  } finally {
    await fal.close();
    await platform.close();
  }
}
