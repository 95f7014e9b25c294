/** An error as it is kept: the facts, without payload or stack. */
export interface SavedError {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly status?: number;
  readonly errorType?: string;
  readonly retryable: boolean;
  readonly billed: boolean | "unknown";
}
