import { InvalidArgumentError, type Settlement } from "../index.ts";

export interface SettlementOptions {
  readonly adopt?: string;
  readonly resubmit?: boolean;
  readonly giveUp?: boolean;
}

/** The settlement that the options ask for. @throws {InvalidArgumentError} unless it is one thing. */
export function settlementOf({ adopt, resubmit, giveUp }: SettlementOptions): Settlement {
  const said: Settlement[] = [
    ...(adopt === undefined ? [] : [{ adopt }]),
    ...(resubmit ? (["resubmit"] as const) : []),
    ...(giveUp ? (["give-up"] as const) : []),
  ];
  const [how] = said;
  if (how !== undefined && said.length === 1) return how;
  throw new InvalidArgumentError("Say one of --adopt REQUEST, --resubmit and --give-up.");
}
