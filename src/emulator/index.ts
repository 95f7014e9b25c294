/**
 * A fal platform on your own machine, as `fal-chain/emulator`.
 *
 * `createEmulator` is a function from `Request` to `Response`: a queue whose jobs progress, whose positions move and
 * whose results expire, a price list, a file host, and three stand-in models that answer with real pictures. No model
 * runs and nothing is paid. `serveEmulator` puts it on a port; `virtualClock` lets a story of minutes take
 * milliseconds. It can be reached path-style on one origin (`/queue/…`, `/files/…`), by fal's host names, and through
 * the `x-fal-target-url` header, so that official clients work against it unchanged.
 *
 * It has its own idea of the wire and shares no schema with the client: a misreading cannot hide in both.
 *
 * @module
 */
export { type VirtualClock, virtualClock } from "../base/virtual-clock.ts";
export { createEmulator, type Emulator, type EmulatorOptions } from "./emulator.ts";
export type { JobState, JobView, LogLine } from "./job.ts";
export { type Model, type ModelContext, ModelFailure, type ModelRun } from "./model.ts";
export { birefnet } from "./models/birefnet.ts";
export { esrgan } from "./models/esrgan.ts";
export { fluxSchnell } from "./models/flux-schnell.ts";
export type { ReceivedRequest } from "./received.ts";
export type { DetailItem } from "./replies.ts";
export { type EmulatorServer, ListenError, type ServeOptions, serveEmulator } from "./serve.ts";
export { emulatorEnv, emulatorUnlessKey } from "./unless-key.ts";
