// What somebody has who knows nothing of this package: fal's own client, and calls to fal's own addresses.
import https, { request } from "node:https";
import { fal } from "@fal-ai/client";

const told = {};
const image_size = { width: 64, height: 64 };
const input = { prompt: "a fox", image_size, seed: 7 };

const { data } = await fal.subscribe("fal-ai/flux/schnell", { input, mode: "streaming", logs: true });
told.picture = (await fetch(data.images[0].url)).headers.get("content-type");
told.polled = (await fal.subscribe("fal-ai/flux/schnell", { input, pollInterval: 50 })).data.seed;

const words = await fal.stream("openrouter/router", {
  input: { prompt: "one two", model: "any" },
});
let events = 0;
for await (const _ of words) events += 1;
told.streamed = events > 1;

const stored = await fal.storage.upload(new Blob(["hello"], { type: "text/plain" }));
told.stored = await (await fetch(stored)).text();

told.drawn = await new Promise((resolve, reject) => {
  const connection = fal.realtime.connect("fal-ai/fast-lightning-sdxl", {
    onResult(result) {
      resolve(Object.keys(result).includes("images"));
      connection.close();
    },
    onError: reject,
  });
  connection.send({ prompt: "a fox", image_size });
});

const over = (send, ...options) =>
  new Promise((resolve, reject) => {
    const sent = send(...options, (answer) => resolve(answer.resume().statusCode));
    sent.on("error", reject).end();
  });
const headers = { authorization: `Key ${process.env.FAL_KEY}` };
told.https = await Promise.all([
  over(request, "https://api.fal.ai/v1/models?limit=1", { headers }),
  over(https.get, { host: "api.fal.ai", path: "/v1/models?limit=1", headers, agent: new https.Agent() }),
  over(request, new URL("https://queue.fal.run/fal-ai/flux/requests/none/status"), { headers }),
]);
told.fetched = (await fetch(new Request("https://api.fal.ai/v1/models", { headers }))).status;
process.stdout.write(JSON.stringify(told));
