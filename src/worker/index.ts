export {
  createQueue,
  type DispatchOptions,
  type EnqueueOptions,
  type QueueOptions,
  type RunQueue,
} from "./queue.ts";
export { startWorker, type Worker, type WorkerEvent, type WorkerOptions } from "./worker.ts";
