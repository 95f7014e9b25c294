import { formatUsd, type Reservation } from "../money/cost.ts";
import { FalError } from "./fal-error.ts";

/** The call would have gone over a budget. Nothing was sent. */
export class BudgetExceededError extends FalError {
  override readonly name = "BudgetExceededError";
  readonly code = "budget_exceeded";
  readonly budget: string;
  readonly chargedNanoUsd: number;
  readonly reservedNanoUsd: number;
  readonly limitNanoUsd: number;

  constructor(
    { budget, limitNanoUsd, nanoUsd }: Reservation,
    used: { chargedNanoUsd: number; reservedNanoUsd: number },
  ) {
    super(
      `The budget ${budget} has no room for this call: ${formatUsd(used.chargedNanoUsd)} charged, ` +
        `${formatUsd(used.reservedNanoUsd)} reserved and ${formatUsd(nanoUsd)} for this call are more than ` +
        `${formatUsd(limitNanoUsd)}. Nothing was sent. ${overshotText(used, limitNanoUsd)}Raise it, or wait for its next window if it has one.`,
    );
    this.budget = budget;
    this.chargedNanoUsd = used.chargedNanoUsd;
    this.reservedNanoUsd = used.reservedNanoUsd;
    this.limitNanoUsd = limitNanoUsd;
  }
}

function overshotText(
  { chargedNanoUsd, reservedNanoUsd }: { chargedNanoUsd: number; reservedNanoUsd: number },
  limitNanoUsd: number,
): string {
  const by = chargedNanoUsd + reservedNanoUsd - limitNanoUsd;
  return by > 0 ? `It is overshot by ${formatUsd(by)}: fal.budgets(…) says by which calls. ` : "";
}

/** It is not known what the call will cost, so a budget could not be kept. Nothing was sent. */
export class UnknownPriceError extends FalError {
  override readonly name = "UnknownPriceError";
  readonly code = "unknown_price";
  readonly budget: string;

  constructor(endpoint: string, budget: string, why: "no_price" | "no_units") {
    const reason =
      why === "no_price" ? "the platform tells no price for it" : "its input does not tell its units";
    super(
      `It is not known what this call to ${endpoint} will cost (${reason}), so the budget ${budget} refuses it. ` +
        'Nothing was sent. Say how many units it takes (units, of the call or of the client), or give the budget unknownPrice: { assumeUsd } or "allow".',
      { endpoint },
    );
    this.budget = budget;
  }
}
