export { secrets } from "../environment/secrets.ts";
export { type App, defineApp } from "./app.ts";
export { type CachedOptions, cached, type Download } from "./cached.ts";
export type { Closable, ClosableResponse, Opened } from "./closing.ts";
export type { Context, Log } from "./context.ts";
export { type Answer, type AppEndpoint, endpoint, type InputFor, type OutputFor } from "./endpoint.ts";
export {
  AppError,
  type AppErrorOptions,
  FieldError,
  type FieldErrorOptions,
  retryElsewhere,
  stopRunner,
} from "./errors.ts";
export { type LifecycleOptions, lifecycle, type RunnerProcess } from "./lifecycle.ts";
export { isMain } from "./main.ts";
export type { AppOptions, Endpoints, Secrets, Start } from "./options.ts";
export type { Reply } from "./reply.ts";
export { type Runner, runner, runnerOf } from "./runner.ts";
export type { AppServer, ServeOptions } from "./serve.ts";
