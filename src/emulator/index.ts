/**
 * A fal platform on your own machine, as `fal-chain/emulator`.
 *
 * `createEmulator` is a function from `Request` to `Response`: a queue whose jobs progress, whose positions move and
 * whose results expire, a price list, a file host, and stand-in models that answer with real pictures, streams and realtime connections. No model
 * runs and nothing is paid. `serveEmulator` puts it on a port; `virtualClock` lets a story of minutes take
 * milliseconds. It can be reached path-style on one origin (`/queue/…`, `/files/…`), by fal's host names, and through
 * the `x-fal-target-url` header, so that official clients work against it unchanged.
 *
 * `emulator.faults` makes exchanges go wrong, by script or by chance, and a request can ask for a fault itself with the
 * header `x-emulator-fault: <name>`. `emulator.history` says in what the account's request history falls short,
 * `emulator.billing` in what its bill does.
 * `emulator.jobsWith(input)` counts what was accepted for an input, and so what was charged twice.
 *
 * It has its own idea of the wire and shares no schema with the client: a misreading cannot hide in both.
 *
 * @example Ten thousand calls in seconds: a virtual clock, and a model that draws nothing.
 * ```ts
 * const trivial: Model = {
 *   id: "acme/trivial",
 *   title: "Trivial",
 *   price: { unit: "requests", unitPrice: 0.01 },
 *   input: z.unknown(),
 *   notice: "stand-in for acme/trivial: no model runs",
 *   takes: [1, 1],
 *   stages: () => [],
 *   run: async (input) => ({ output: { echo: input }, units: 1 }),
 * };
 * const clock = virtualClock();
 * const emulator = createEmulator({ clock, models: [trivial], concurrency: 1_000 });
 * emulator.faults.random({ seed: 1, rates: { submit: { "lost-response": 0.01 }, stream: { "stream-cut": 0.1 } } });
 * const fal = createFal({ clock, fetch: (input, init) => emulator.fetch(new Request(input, init)), … });
 * ```
 * @module
 */

export { ListenError } from "../errors/emulator.ts";
export type { App } from "../gateway/app.ts";
export type { Fleet, RunnerPhase, RunnerView, Seat } from "../gateway/fleet.ts";
export { type InProcessOptions, inProcess } from "../gateway/in-process.ts";
export type {
  AppRetries,
  Breakage,
  Ending,
  RetryCondition,
  RunnerEffect,
  Verdict,
} from "../gateway/retries.ts";
export { type Runner, RunnerLost, type RunnerStart, type StartRunner } from "../gateway/runner.ts";
export { defineModel, type ModelDefinition } from "../model/define-model.ts";
export {
  type DetailItem,
  type Model,
  type ModelContext,
  ModelFailure,
  type ModelRun,
} from "../model/model.ts";
export type { Random } from "../model/random.ts";
export { type FromSchemaOptions, modelFromSchema } from "../stand-ins/from-schema/index.ts";
export { modelsFromFile } from "../stand-ins/from-schema/read.ts";
export { birefnet, esrgan, fastLightningSdxl, fluxSchnell, router, standIns } from "../stand-ins/index.ts";
export { FAL_HOSTS } from "./address.ts";
export type { BillingSwitches } from "./billing.ts";
export { createEmulator, type Emulator } from "./emulator.ts";
export type { EmulatorOptions, Served } from "./emulator-options.ts";
export type { Expectations } from "./expect.ts";
export type {
  Acceptance,
  AfterSome,
  Breaking,
  ComeAgain,
  Fault,
  FaultName,
  FaultText,
} from "./faults/fault.ts";
export type { FaultMatch } from "./faults/match.ts";
export type { Operation } from "./faults/operation.ts";
export type { FaultRates, Faults } from "./faults/plan.ts";
export type { FaultScript } from "./faults/script.ts";
export type { HistorySwitches } from "./history.ts";
export type { HookAttempt } from "./hooks/hooks.ts";
export type { JobAttempt, JobState, JobView, LogLine } from "./job.ts";
export { type OutlivingEmulator, type OutlivingOptions, outlivingEmulatorUnlessKey } from "./outliving.ts";
export type { OutlivingJob } from "./outliving-state.ts";
export type { AcceptRealtime, RealtimeEnd, RealtimePeer } from "./realtime.ts";
export type { ReceivedRequest } from "./received.ts";
export { type Recorder, type RecordOptions, recordTo } from "./recording/record.ts";
export { type ReplayOptions, replayFrom } from "./recording/replay.ts";
export type { Keep } from "./retention.ts";
export { routedEnv } from "./route-node.ts";
export type { BilledRunner, Runners } from "./runners.ts";
export { type EmulatorServer, type ServeOptions, serveEmulator } from "./serve.ts";
export { emulatedEnv, emulatorEnv, emulatorUnlessKey } from "./unless-key.ts";
export { type VirtualClock, virtualClock } from "./virtual-clock.ts";
