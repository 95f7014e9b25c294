/** One call by itself, and a chain of two, which needs no AsyncLocalStorage. */
export async function poster(fal) {
  const input = { prompt: "a fox", image_size: { width: 64, height: 64 } };
  const { data } = await fal.subscribe("fal-ai/flux/schnell", { input });
  const chain = fal.chain("poster", async (image_url, run) => {
    const large = await run.subscribe("fal-ai/esrgan", { input: { image_url, scale: 1 } });
    const cut = await run.subscribe("fal-ai/birefnet/v2", { input: { image_url: large.data.image.url } });
    return cut.data.image.url;
  });
  const run = chain.start(data.images[0].url);
  const url = await run;
  const { calls, unknown } = await run.total;
  await fal.close();
  return { isFile: url.includes("/files/"), calls, unknown };
}
