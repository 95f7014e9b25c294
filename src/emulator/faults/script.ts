import * as z from "zod";
import type { Fault, FaultText } from "./fault.ts";
import type { FaultMatch } from "./match.ts";
import type { FaultRates, Faults } from "./plan.ts";

/**
 * One thing that shall go wrong, as it is written in a file, sent to `/_emulator/faults` or given as an option: in words, as
 * a fault with what it is for, or as chances.
 */
export type FaultScript =
  | string
  | { readonly make: string }
  | (FaultMatch & { readonly fault: FaultText; readonly count?: number })
  | { readonly seed?: number; readonly rates: FaultRates };

const Scripted = z.strictObject({
  fault: z.string(),
  operation: z.string().optional(),
  endpoint: z.string().optional(),
  requestId: z.string().optional(),
  nth: z.number().optional(),
  count: z.number().optional(),
});
const ByChance = z.strictObject({
  seed: z.number().optional(),
  rates: z.record(z.string(), z.record(z.string(), z.number())),
});

/** @throws {RangeError} for what cannot be meant, naming what there is. */
export function follow(faults: Faults, said: unknown): void {
  try {
    followOne(faults, said);
  } catch (error) {
    throw error instanceof z.ZodError ? new RangeError(z.prettifyError(error), { cause: error }) : error;
  }
}

function followOne(faults: Faults, said: unknown): void {
  if (Array.isArray(said)) {
    for (const one of said) follow(faults, one);
  } else if (typeof said === "string") {
    faults.make(said);
  } else if (typeof said === "object" && said !== null && "rates" in said) {
    const { seed = 0, rates } = ByChance.parse(said);
    faults.random({ seed, rates: rates as FaultRates });
  } else if (typeof said === "object" && said !== null && "make" in said) {
    faults.make(z.strictObject({ make: z.string() }).parse(said).make);
  } else {
    const { fault, count, ...match } = Scripted.parse(said);
    faults.next(match as FaultMatch, fault as Fault["name"], count);
  }
}
