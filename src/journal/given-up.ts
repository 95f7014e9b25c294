import type { GivenUp } from "./call.ts";

const TEXTS: Readonly<Record<GivenUp, string>> = {
  caller: "given up by its caller",
  run: "left by its run",
  unread: "its end could not be read",
  cancelled: "cancelled in time",
  "by-hand": "given up by hand",
  resubmit: "to be submitted again",
};

/** Why a call was given up, for people. */
export const givenUpText = (why: GivenUp): string => TEXTS[why];
