/**
 * Where a call is. `intended`: nothing is known to have been sent. `submitted`: fal has it. `ambiguous`: fal may have
 * it. The other three are ends; `given-up` means that nobody waits any more, and fal may still have charged.
 */
export type CallState = "intended" | "submitted" | "ambiguous" | "completed" | "failed" | "given-up";

/**
 * Why nobody has a call's result. `superseded`: another call of the run took its place. `left-over`: its run completed
 * without asking for it.
 */
export type Unused = "superseded" | "left-over";
