/**
 * Calls and runs in React, as `fal-chain/react`: how they stand, and what they give. For pages that call through a server of
 * yours, with `fal.config({ proxyUrl })`.
 *
 * @module
 */
export type { CallSettings, CallState, KeyStorage } from "./call-store.ts";
export type { RunState, RunStep } from "./run-state.ts";
export { type UseCall, type UseCallOptions, useCall } from "./use-call.ts";
export { type UseRunOptions, useRun } from "./use-run.ts";
