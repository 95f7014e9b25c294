// A chain of two calls, which an order has in common with whoever starts it again.
import { writeFileSync } from "node:fs";
import { createFal } from "fal-chain";

writeFileSync("pid", String(process.pid));
const fal = createFal({ store: "sqlite:order.db" });
const order = fal.chain("order", async () => {
  const input = { prompt: "a fox", image_size: { width: 64, height: 64 } };
  const { data } = await fal.subscribe("fal-ai/flux/schnell", { input, step: "picture" });
  const image_url = data.images[0]!.url;
  const large = fal.subscribe("fal-ai/esrgan", { input: { image_url }, step: "large" });
  await large.submitted;
  process.stdout.write(`${process.pid} has submitted both\n`);
  if (process.argv[2] === "hangs") await new Promise((resolve) => setTimeout(resolve, 60_000));
  return [image_url, (await large).data.image.url];
});
const files = await order.start(undefined, { id: "7" });
const statuses = await Promise.all(files.map(async (url) => (await fetch(url)).status));
const calls = await fal.calls.list();
const requests = calls.map(({ ticket, cost }) => [ticket?.requestId, cost?.source]);
process.stdout.write(`${JSON.stringify({ host: process.env["FAL_HOST"], statuses, requests })}\n`);
await fal.close();
