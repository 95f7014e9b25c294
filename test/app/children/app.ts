import { fal } from "fal-chain";
import { defineApp, isMain, runner } from "fal-chain/app";
import * as z from "zod";

/** An app whose runner tells all that happens to it. */
const app = defineApp({
  name: "told",
  maxBodyBytes: 1_000_000,
  secrets: { TOKEN: z.string(), PORT_OF_DATABASE: z.coerce.number() },
  setup({ secrets, log }) {
    const state = () => process.env["FAL_RUNNER_STATE"];
    log.info({ runner_state: state(), pid: process.pid, token: secrets.TOKEN }, "setup");
    return { log, state, secrets };
  },
  endpoints: {
    "/variables": {
      handler: (_, { state, caller, requestId, endpoint }) => {
        const { jobId, app, appId, owner, region, host, dataDir, cacheDir } = runner;
        const { PORT_OF_DATABASE } = state.secrets;
        const said = { caller, requestId, endpoint, state: runner.state, PORT_OF_DATABASE };
        return { jobId, app, appId, owner, region, host, dataDir, cacheDir, ...said };
      },
    },
    "/slow": {
      run: false,
      input: z.object({ ms: z.number() }),
      async handler({ ms }, { signal, log }) {
        log.info({}, "begun");
        signal.addEventListener("abort", () => log.info({ reason: String(signal.reason) }, "aborted"));
        await new Promise((resolve) => setTimeout(resolve, ms));
        return "done";
      },
    },
    "/call": {
      input: z.object({ endpoint: z.string() }),
      handler: async ({ endpoint }) => (await fal.subscribe(endpoint, { input: { n: 1 } })).data,
    },
    "/stream": {
      run: false,
      async *handler(_, { signal }) {
        const ended = new Promise((resolve) => signal.addEventListener("abort", resolve));
        for (let n = 0; !signal.aborted; n++) {
          yield { n };
          await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 100))]);
        }
      },
    },
    "/late-crash": {
      run: false,
      handler() {
        process.once("SIGTERM", () => {
          setTimeout(() => {
            throw new Error("lost in the end");
          }, 50);
        });
        return "armed";
      },
    },
  },
  handleExit: ({ log, state }) => log.info({ runner_state: state() }, "handleExit"),
  teardown: ({ log, state }) => log.info({ runner_state: state() }, "teardown"),
});

export default app;
if (isMain(import.meta)) await app.serve();
