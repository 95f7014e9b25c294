/** An error as it is kept: the facts, without payload or stack. Plain JSON. */
export interface SavedError {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly endpoint?: string;
  readonly requestId?: string;
  readonly status?: number;
  readonly errorType?: string;
  readonly retryable: boolean;
  readonly billed: boolean | "unknown";
  /** What only its class has, such as the fields that a validation found wrong. */
  readonly facts?: Readonly<Record<string, unknown>>;
}
