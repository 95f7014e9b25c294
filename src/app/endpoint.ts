import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { ApiError } from "../errors/api.ts";
import type { Context } from "./context.ts";

/** What a handler is given of an input schema: what that makes of the body. Without one, the body's JSON as it is. */
export type InputFor<I> = I extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<I> : unknown;
/** What a handler gives for an output schema. */
export type OutputFor<O> = O extends StandardSchemaV1 ? StandardSchemaV1.InferInput<O> : unknown;

/** An answer; or, of a stream, the generator of its events. A `Response` is handed over as it is. */
export type Answer<T> = T | Response | PromiseLike<T | Response> | AsyncGenerator<T, unknown>;

/**
 * One of an app's addresses: `POST path`.
 *
 * @typeParam S What the app's `setup` gives.
 */
export interface AppEndpoint<S, I, O> {
  /** What a body must be: any Standard Schema. What does not match is answered with a 422 in fal's form, for nothing. */
  readonly input?: I;
  /** What is answered, of a stream each event. What does not match it is a 500: fields that it does not know do not leave. */
  readonly output?: O;
  /** What it does, in a sentence, for whoever reads `/openapi.json`. */
  readonly about?: string;
  /**
   * Whether the request is answered as a run, so that one which fal sends again pays nothing twice. The run begins with the
   * first call or step; without it even that is not prepared for, which suits what makes no paid calls. @default true
   */
  readonly run?: boolean;
  /**
   * Whether a model's 422 is the caller's fault, and so leaves as the app's own, without the input that it quotes: for
   * those of which this gives true. @default false: it is answered as the failure of a service that the app uses
   */
  readonly passOn?: boolean | ((error: ApiError) => boolean);
  /** An async function, or an async generator for a stream of events (SSE). */
  handler(input: InputFor<I>, context: Context<S>): Answer<OutputFor<O>>;
}

/** An endpoint whose schemas do not matter any more. */
export type AnyEndpoint<S> = AppEndpoint<S, StandardSchemaV1 | undefined, StandardSchemaV1 | undefined>;

/**
 * Types an endpoint that is written apart from its app, in a file of its own.
 *
 * @example
 * export const paint = endpoint({
 *   input: z.object({ prompt: z.string() }),
 *   handler: async ({ prompt }, { fal }) => (await fal.subscribe("fal-ai/flux/schnell", { input: { prompt } })).data,
 * });
 */
export const endpoint = <
  S,
  I extends StandardSchemaV1 | undefined = undefined,
  O extends StandardSchemaV1 | undefined = undefined,
>(
  given: AppEndpoint<S, I, O>,
): AppEndpoint<S, I, O> => given;
