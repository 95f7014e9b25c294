import * as z from "zod";
import type { Model } from "../model/model.ts";

const Input = z.object({
  prompt: z.string().min(1),
  model: z.string().min(1),
  system_prompt: z.string().nullish(),
  reasoning: z.boolean().default(false),
  temperature: z.number().min(0).max(2).nullish(),
  max_tokens: z.int().min(1).nullish(),
});

/** `openrouter/router`: it says what it was told, word by word. */
export const router: Model<z.output<typeof Input>> = {
  id: "openrouter/router",
  title: "OpenRouter",
  // The real one is paid by tokens, at each model's own price.
  price: { unit: "tokens", unitPrice: 0.000001 },
  category: "llm",
  description: "Texts from models of many makers.",
  input: Input,
  output: z.object({
    output: z.string(),
    partial: z.boolean().default(false),
    usage: z.record(z.string(), z.number()).nullish(),
  }),
  notice: "stand-in for openrouter/router: it repeats the prompt, no model runs",
  takes: [0.8, 1.6],
  stages: () => ["thinking", "writing"],
  run: async (input) => result(input, wordsOf(input)),
  async *stream(input, { clock, seconds, signal }) {
    const words = wordsOf(input);
    for (let n = 1; n < words.length; n++) {
      await clock.sleep((seconds * 1000) / words.length, signal);
      yield { output: words.slice(0, n).join(" "), partial: true };
    }
    const { output, units } = result(input, words);
    await clock.sleep((seconds * 1000) / words.length, signal);
    yield output;
    return { output, units };
  },
};

type Prompt = Pick<z.output<typeof Input>, "prompt" | "max_tokens">;

const wordsOf = ({ prompt, max_tokens: most }: Prompt): string[] =>
  `You said: ${prompt}`.split(/\s+/).slice(0, most ?? 1_000);

function result({ prompt }: Prompt, words: readonly string[]) {
  const read = prompt.split(/\s+/).length;
  const usage = {
    prompt_tokens: read,
    completion_tokens: words.length,
    total_tokens: read + words.length,
  };
  return { output: { output: words.join(" "), partial: false, usage }, units: usage.total_tokens };
}
