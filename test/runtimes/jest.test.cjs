const { createFal } = require("fal-chain");
const { createEmulator } = require("fal-chain/emulator");

// Jest loads no modules by itself, so that this has to do without `import`.
test("a call and a chain", async () => {
  const emulator = createEmulator({ timeScale: 0 });
  const fal = createFal({
    credentials: "any:key",
    store: "memory",
    fetch: (input, init) => emulator.fetch(new Request(input, init)),
  });
  const input = { prompt: "a fox", image_size: { width: 64, height: 64 } };
  const chain = fal.chain("poster", async (image_url) => {
    const { data } = await fal.subscribe("fal-ai/esrgan", { input: { image_url, scale: 1 } });
    return data.image.url;
  });
  const { data } = await fal.subscribe("fal-ai/flux/schnell", { input });
  expect(await chain.start(data.images[0].url)).toContain("/files/");
  await fal.close();
  await emulator.close();
}, 60_000);
