import type { CallRecord } from "../../index.ts";
import { runOf } from "../../journal/run-name.ts";
import { aside, EXIT, printableJson, untilInterrupted } from "../../terminal/index.ts";
import { type OutputOptions, resumeCall, showAndPrint, withoutBytes } from "../call.ts";
import type { Io } from "../cli.ts";
import { type StoreOptions, withClient } from "../client.ts";
import { type SettlementOptions, settlementOf } from "../settlement.ts";
import { findCall } from "./find-call.ts";

interface SettleOptions extends StoreOptions, SettlementOptions, OutputOptions {}

/** Says what became of a call in doubt, and prints its result where there is one. */
export async function settleCall(io: Io, id: string, options: SettleOptions): Promise<number> {
  const how = settlementOf(options);
  return withClient(io, options, async (fal) => {
    const found = await findCall(fal, id);
    const { record, call } = await fal.calls.settle(found.id, how);
    aside(io.stderr, SETTLED[typeof how === "object" ? "adopt" : how](record));
    if (how !== "give-up") {
      const run = resumeCall(fal, record);
      if (run) {
        return untilInterrupted(
          (signal) => showAndPrint(io, fal, run, record.endpoint, options, signal),
          io.stderr,
        );
      }
      if (typeof how === "object" || call) {
        const result = await (call ?? fal.calls.collect(record.id));
        const { requestId, billing } = result;
        const data = withoutBytes(result.data);
        io.stdout.write(`${printableJson(options.json ? { requestId, data, billing } : data)}\n`);
        return EXIT.ok;
      }
    }
    if (options.json) io.stdout.write(`${printableJson(record)}\n`);
    return EXIT.ok;
  });
}

const SETTLED = {
  adopt: ({ id, ticket }: CallRecord) => `Call ${id} is request ${ticket?.requestId}.`,
  "give-up": ({ id }: CallRecord) => `Call ${id} is given up.`,
  resubmit: ({ id, for: of }: CallRecord) =>
    of.run === undefined
      ? `Call ${id} is submitted again.`
      : `Call ${id} is submitted again when its run ${runOf(of)} is resumed.`,
};
