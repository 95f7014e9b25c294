import type { CallRecord, GivenUp } from "./call.ts";

const GIVEN_UP: Readonly<Record<GivenUp, string>> = {
  caller: "given up by its caller",
  run: "left by its run",
  unread: "its end could not be read",
  cancelled: "cancelled in time",
  "by-hand": "given up by hand",
  resubmit: "to be submitted again",
};

/** Why a call is ambiguous or given up, for people. */
export function whyText({
  state,
  doubt,
  givenUp,
}: Pick<CallRecord, "state" | "doubt" | "givenUp">): string | undefined {
  if (givenUp !== undefined) return GIVEN_UP[givenUp];
  return state === "ambiguous" ? doubt : undefined;
}
