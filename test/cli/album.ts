import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFal, type Fal } from "fal-chain";
import type { FaultText } from "fal-chain/emulator";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { main } from "../../src/cli/main.ts";
import { command, type Env, emulated } from "../support/cli.ts";

/** The chain of children/chains.ts as it is in another program: two calls, and what `between` does. */
const chainOf = (fal: Fal, between: () => void) =>
  fal.chain("album", async ({ names }: { names: string[] }) => {
    const title = await fal.step("title", () => names.join(" and "));
    await fal.subscribe("acme/echo", { step: "cover", input: { name: title } });
    between();
    await fal.map(names, (name) => fal.subscribe("acme/echo", { input: { name, title } }));
    return title;
  });

/** Runs of one chain for the tests of a file, with a platform for all of them and a store for each. */
export class Albums {
  readonly dir = mkdtempSync(join(tmpdir(), "fal-chain-runs-"));
  env: Env = {};
  #platform: Awaited<ReturnType<typeof emulated>> | undefined;

  constructor() {
    beforeAll(async () => {
      this.#platform = await emulated();
    });
    let round = 0;
    beforeEach(() => {
      this.env = { ...this.#platform?.env, FAL_CHAIN_STORE: join(this.dir, `${round++}.db`) };
    });
    afterAll(async () => {
      await this.#platform?.close();
      rmSync(this.dir, { recursive: true });
    });
  }

  get emulator() {
    if (!this.#platform) throw new Error("The platform is there while tests run.");
    return this.#platform.emulator;
  }

  cli(...argv: string[]) {
    return command(main, argv, { env: this.env });
  }

  async shown(id: string) {
    return JSON.parse((await this.cli("runs", "show", id, "--json")).stdout);
  }

  submits(run: string): number {
    return this.emulator.jobs.filter(({ tags }) => tags["run"] === run).length;
  }

  /** Ends with its cost known: prices are read beside the results. */
  async finished(id: string, between = () => {}, names = ["fox", "owl"]): Promise<void> {
    const fal = createFal({ env: this.env, ambiguousSubmit: "throw" });
    try {
      const run = chainOf(fal, between).start({ names }, { id, tags: { customer: "acme" } });
      await run.catch(() => {});
      await run.total;
    } finally {
      await fal.close();
    }
  }

  failing(id: string, how: FaultText = "completed-with-error"): Promise<void> {
    return this.finished(id, () => this.emulator.faults.next("submit", how), ["fox"]);
  }

  losing(id: string): Promise<void> {
    return this.finished(id, () => this.emulator.faults.next("submit", "lost-response"));
  }
}
