/** Told of what went wrong beside a call or a run without failing it. @param error Undefined where that is all. */
export type Report = (what: string, error: unknown, about?: About) => void;

/** Whose trouble it is, where the context does not tell. */
export interface About {
  readonly call?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly request_id?: string | undefined;
}
