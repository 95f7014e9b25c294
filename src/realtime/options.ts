import type { UserTags } from "../attribution/tags.ts";
import {
  anyText,
  callback,
  checkOptions,
  flag,
  milliseconds,
  number,
  type OptionsOf,
  record,
} from "../base/options.ts";

/** What a connection is doing. One that is `idle` is opened by the next `send`. */
export type RealtimeState = "idle" | "connecting" | "open";

/** Tells results of one request from those of another, where the app heeds it. */
export interface WithRequestId {
  request_id: string;
}

/** Those of the official client, with `tags` and `onState`. */
export interface RealtimeConnectionHandler<Output> {
  /** Connections of one key are one, with the callbacks of the latest `connect`: for components that are rendered again. */
  connectionKey?: string;
  /** Connects in browsers only; elsewhere nothing is sent. @default true where React renders on a server */
  clientOnly?: boolean;
  /** Milliseconds between two frames; of those that come in between, the newest is sent. @default 128 */
  throttleInterval?: number;
  /**
   * How many frames wait at most, from 1 to 60, the newest of them: here while there is no connection, and at the app.
   *
   * @default 1 here, and what the app has
   */
  maxBuffering?: number;
  /** Where the app listens, below its id. @default "/realtime" */
  path?: string;
  /** Makes a frame of an input. @default msgpack */
  // biome-ignore lint/suspicious/noExplicitAny: as the official client has it: who writes it knows what comes
  encodeMessage?: (input: any) => Uint8Array | string;
  /** Reads a frame. @default msgpack, and JSON where it is a text */
  // biome-ignore lint/suspicious/noExplicitAny: as the official client has it: who writes it knows what comes
  decodeMessage?: (data: any) => Promise<any> | any;
  onResult(result: Output & WithRequestId): void;
  /** An `ApiError` for what fal, the app or the connection says; else what kept it from connecting, as a budget. */
  // biome-ignore lint/suspicious/noExplicitAny: as the official client has it: who writes it knows what comes
  onError?(error: any): void;
  /** What it is doing now. */
  onState?(state: RealtimeState): void;
  /** Gives the token. @default fal is asked for one, with the key */
  tokenProvider?: (app: string) => Promise<string>;
  /** How long a token of `tokenProvider` lives, in seconds: a new one is asked for at 90 % of it. @default it is used once */
  tokenExpirationSeconds?: number;
  /** Up to five tags of your own, for the ledger. */
  tags?: UserTags;
}

export interface RealtimeConnection<Input> {
  /** Sends an input, and connects first where there is no connection. */
  send(input: Input & Partial<WithRequestId>): void;
  /** Closes the connection, and drops what waits. A later `send` opens it again. */
  close(): void;
}

const HANDLER: OptionsOf<RealtimeConnectionHandler<unknown>> = {
  connectionKey: anyText,
  clientOnly: flag,
  throttleInterval: milliseconds(0),
  maxBuffering: {
    what: "a number from 1 to 60",
    is: (value) => typeof value === "number" && value >= 1 && value <= 60,
  },
  path: anyText,
  encodeMessage: callback,
  decodeMessage: callback,
  onResult: callback,
  onError: callback,
  onState: callback,
  tokenProvider: callback,
  tokenExpirationSeconds: number(1, "seconds"),
  tags: record,
};

/** @throws {InvalidArgumentError} naming the option that cannot be meant. */
export const checkHandler = (handler: object): void =>
  checkOptions(handler, HANDLER, { of: "realtime.connect", so: "Nothing was sent." });
