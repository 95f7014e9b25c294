import { shellWord } from "../../base/text.ts";
import { type Fal, InvalidArgumentError, type RunInfo } from "../../index.ts";
import { nameOfRun } from "../../journal/run-name.ts";

/** What a command says of a run that is meant; a name that looks like an option comes after all of those. */
export const commandFor = (verb: string, run: RunInfo, options: string): string => {
  const name = shellWord(nameOfRun(run));
  const words =
    name.startsWith("-") || name.startsWith("'-") ? `${options} -- ${name}` : `${name} ${options}`;
  return `fal-chain runs ${verb} ${words}`;
};

/**
 * A run by `chain/id`, by its id, or by the beginning of either, where only one is meant.
 *
 * @throws {InvalidArgumentError} saying which ones it may be, or where the runs of others are.
 */
export async function findRun(fal: Fal, text: string): Promise<RunInfo> {
  const runs = await fal.runs.list();
  const whole = runs.filter((run) => nameOfRun(run) === text);
  const ids = runs.filter(({ id }) => id === text);
  const begun = runs.filter((run) => run.id.startsWith(text) || nameOfRun(run).startsWith(text));
  const found = [whole, ids, begun].find((some) => some.length > 0) ?? [];
  const [only, another] = found;
  if (only && !another) return only;
  const some = found.slice(0, 5).map(nameOfRun);
  throw new InvalidArgumentError(
    only
      ? `${JSON.stringify(text)} may be ${some.join(", ")}${found.length > 5 ? "…" : ""}. Give more of it.`
      : `No run in the store is ${JSON.stringify(text)}. fal-chain runs lists them. To find the runs of a ` +
          "program, name its store with --store or FAL_CHAIN_STORE.",
  );
}
