import type * as z from "zod";
import type { Clock } from "../base/clock.ts";
import type { Random } from "./random.ts";

/** One entry of fal's model errors. */
export interface DetailItem {
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly type: string;
  readonly url: string;
  readonly ctx?: Readonly<Record<string, unknown>>;
  readonly input?: unknown;
}

/** What a stand-in has at hand while it runs. */
export interface ModelContext {
  /** The request's headers as the runner of an app receives them, with fal's own: for a stand-in that is an app itself. */
  readonly headers: Headers;
  /** Chance that depends on the emulator's seed and on the request's number: for what the input leaves open. */
  readonly random: Random;
  /** How long this run takes on the emulator's clock, in seconds. Models billed by compute time bill this. */
  readonly seconds: number;
  readonly clock: Clock;
  /** Fires when the request is cancelled. */
  readonly signal: AbortSignal;
  /** Keeps a file and gives the URL to answer with. */
  storeFile(bytes: Uint8Array, name: string, contentType: string): string;
  /** Reads an input file: one of ours, a data URI, or anything that can be fetched. */
  loadFile(url: string): Promise<Uint8Array>;
  log(message: string): void;
  /** Lets everything else in the process have its turn; throws once the request is cancelled. */
  breathe(): Promise<void>;
}

export interface ModelRun {
  readonly output: unknown;
  /** What is billed, in the unit of the model's price. */
  readonly units: number;
  /** Further headers of the result. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A stand-in for one endpoint. */
export interface Model<Input = unknown> {
  readonly id: string;
  readonly title: string;
  readonly price: { readonly unit: string; readonly unitPrice: number };
  /** Of fal's catalog, such as `text-to-image`. */
  readonly category?: string;
  /** For the catalog, in a sentence. */
  readonly description?: string;
  /** Unknown fields are ignored and defaults filled in, as the real models do. */
  readonly input: z.ZodType<Input>;
  /** What it gives, for its OpenAPI document. @default any object */
  readonly output?: z.ZodType;
  /** The first log line. It says that no model runs and what happens instead. */
  readonly notice: string;
  /** Shortest and longest run, in seconds of the emulator's clock. */
  readonly takes: readonly [number, number];
  /** Log lines that appear one after the other during the run. */
  stages(input: Input): readonly string[];
  run(input: Input, context: ModelContext): Promise<ModelRun>;
  /** The same of one input of a realtime connection, below `/realtime`: of its output, bytes are sent as bytes. */
  realtime?(input: Input, context: ModelContext): Promise<ModelRun>;
  /**
   * The same piece by piece, below `/stream`: each event is JSON, the last one is the output. Where the first is bytes, all
   * are, and go out as they are. It takes its time by itself. Without it the endpoint does not stream.
   */
  stream?(input: Input, context: ModelContext): AsyncGenerator<unknown, ModelRun, void>;
}

/** A model says no. It becomes the body of the result, in fal's form for model errors. */
export class ModelFailure extends Error {
  override readonly name = "ModelFailure";
  readonly status: number;
  readonly detail: readonly DetailItem[];

  constructor(status: number, detail: readonly DetailItem[], options?: { cause?: unknown }) {
    super(detail.map(({ msg }) => msg).join("; "), options);
    this.status = status;
    this.detail = detail;
  }
}

/** A 422 that blames one field of the input. */
export const refuseField = (
  field: string,
  type: string,
  msg: string,
  facts: { ctx?: Record<string, unknown>; input?: unknown; cause?: unknown } = {},
): ModelFailure =>
  new ModelFailure(
    422,
    [
      {
        loc: ["body", field],
        msg,
        type,
        url: errorPage(type),
        ...(facts.ctx && { ctx: facts.ctx }),
        ...(facts.input !== undefined && { input: facts.input }),
      },
    ],
    facts.cause === undefined ? {} : { cause: facts.cause },
  );

export const errorPage = (type: string): string => `https://docs.fal.ai/errors/#${type}`;
