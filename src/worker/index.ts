export type { JobsDatabase } from "./jobs.ts";
export {
  createQueue,
  type DispatchOptions,
  type EnqueueOptions,
  type QueueOptions,
  type ResumeJobOptions,
  type RunQueue,
} from "./queue.ts";
export { startWorker, type Worker, type WorkerEvent, type WorkerOptions } from "./worker.ts";
