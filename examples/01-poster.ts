// A poster from one prompt: a picture, and at the same time its upscale and its cut-out.
//
//   npm start -- "a fox in a snowy forest"

import { createFal } from "fal-chain";
import { emulatorUnlessKey } from "fal-chain/emulator";
import { download, runProgram, showRun } from "fal-chain/terminal";

const { env, emulator, close } = await emulatorUnlessKey();
const fal = createFal({ env });

const poster = fal.chain("poster", async (input: { prompt: string }) => {
  const { data } = await fal.subscribe("fal-ai/flux/schnell", { step: "picture", input, logs: true });
  const image_url = data.images[0].url;
  const [large, cutout] = await Promise.all([
    fal.subscribe("fal-ai/esrgan", { step: "large", input: { image_url, scale: 2 }, logs: true }),
    fal.subscribe("fal-ai/birefnet/v2", { step: "cutout", input: { image_url }, logs: true }),
  ]);
  return { picture: image_url, large: large.data.image.url, cutout: cutout.data.image.url };
});

// Ctrl-C aborts the signal, and with it what is still running at fal.
process.exitCode = await runProgram(async (abortSignal) => {
  if (emulator) console.log(`No FAL_KEY: the built-in emulator stands in for fal (${emulator.url}).`);
  const prompt = process.argv.slice(2).join(" ").trim() || "a lighthouse at dawn";
  console.log(`Poster: ${prompt}\n`);

  const run = poster.start({ prompt }, { abortSignal });
  const files = await showRun(run, { received: () => emulator?.emulator.jobs });
  const saved = await download(files, "out", { signal: abortSignal });
  console.log(`\nSaved ${saved.join(", ")}`);
});

await fal.close();
await close();
