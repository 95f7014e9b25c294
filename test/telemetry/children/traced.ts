/** A program that traces itself, and prints the names of its spans. */
import { trace } from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { createFal } from "fal-chain";
import { createEmulator } from "fal-chain/emulator";

const exporter = new InMemorySpanExporter();
const spanProcessors = [new SimpleSpanProcessor(exporter)];
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));

const emulator = createEmulator({ timeScale: 0.01 });
const fal = createFal({
  env: { FAL_KEY: "k3y-id:s3cr3t-0123456789", FAL_HOST: "http://127.0.0.1:1" },
  fetch: (input, init) => emulator.fetch(new Request(input, init)),
});
const poster = fal.chain("poster", async (prompt: string) => {
  const input = { prompt, image_size: { width: 64, height: 64 } };
  await fal.subscribe("fal-ai/flux/schnell", { input });
});

async function main() {
  await poster.start("a fox");
  await fal.close();
  const spans = exporter.getFinishedSpans();
  const idOf = (id: string | undefined) => spans.find((span) => span.spanContext().spanId === id)?.name;
  const named = spans.map(({ name, parentSpanContext }) => [
    name,
    idOf(parentSpanContext?.spanId) ?? "no parent",
  ]);
  process.stdout.write(JSON.stringify(named));
}

void main();
