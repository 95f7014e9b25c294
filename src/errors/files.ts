import { FalError } from "./fal-error.ts";

/** fal has let a file go that a call gave. What was kept of it, if anything, is nowhere else. */
export class FileExpiredError extends FalError {
  override readonly name = "FileExpiredError";
  readonly code = "file_expired";
  readonly url: string;
  /** The step that gave it, where it is known. */
  readonly step: string | undefined;

  constructor(url: string, step?: string) {
    super(
      `The file ${url}${step === undefined ? "" : `, which the step "${step}" gave,`} is not at fal any more, and no copy ` +
        "was kept. Make it again: start a new run, or give the step that made it another name. " +
        "createFal({ keepFiles: directory }) copies what calls give.",
    );
    this.url = url;
    this.step = step;
  }
}
