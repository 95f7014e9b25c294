import { type CallRecord, type Fal, InvalidArgumentError } from "../../index.ts";

/** A call by its id, or by the beginning of it where only one begins so. */
export async function findCall(fal: Fal, id: string): Promise<CallRecord> {
  const exact = await fal.calls.get(id);
  if (exact) return exact;
  const found = (await fal.calls.list()).filter((call) => call.id.startsWith(id));
  const [only, another] = found;
  if (only && !another && id.length >= 4) return only;
  const some = found.slice(0, 5).map((call) => call.id);
  throw new InvalidArgumentError(
    only === undefined
      ? `No call in the store begins with ${JSON.stringify(id)}. fal-chain calls lists them.`
      : `${JSON.stringify(id)} is too short: it begins ${some.join(", ")}${found.length > 5 ? "…" : ""}.`,
  );
}
