import { Writable } from "node:stream";
import { WriteStream } from "node:tty";
import { stripVTControlCharacters } from "node:util";

/** Something to draw on that remembers all that was written: a file or pipe, or a terminal. */
export class Screen extends Writable {
  readonly isTTY: boolean;
  readonly columns: number;
  readonly rows = 50;
  readonly #env: Record<string, string>;
  written = "";

  constructor(options: { isTTY?: boolean; columns?: number; env?: Record<string, string> } = {}) {
    super({ decodeStrings: false });
    this.isTTY = options.isTTY ?? false;
    this.columns = options.columns ?? 80;
    this.#env = options.env ?? { TERM: "xterm-256color" };
  }

  /** Node's own rules for what a terminal can show, NO_COLOR included. */
  getColorDepth(): number {
    return WriteStream.prototype.getColorDepth.call(this, this.#env);
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    this.written += chunk.toString();
    done();
  }

  /** Without colours. */
  get text(): string {
    return stripVTControlCharacters(this.written);
  }
}
