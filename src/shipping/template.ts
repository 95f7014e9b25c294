/** What a new project is to be. */
export interface Template {
  /** The app's name at fal. */
  readonly name: string;
  /** What package.json asks for, such as `^0.1.0` or `file:./fal-chain-0.1.0.tgz`. */
  readonly package: string;
  /** Where calls are kept: in the runner's memory, or in PostgreSQL, where they outlive it. */
  readonly store: "memory" | "postgres";
}

/** The files of a new project, by their names. */
export const filesOf = (template: Template): Readonly<Record<string, string>> => ({
  "app.ts": program(template),
  "app.test.ts": TEST,
  "pyproject.toml": pyproject(template),
  Dockerfile: dockerfile(template),
  ".dockerignore": DOCKERIGNORE,
  ".gitignore": GITIGNORE,
  "package.json": manifest(template),
  "tsconfig.json": TSCONFIG,
});

const program = ({ name, store }: Template): string => `\
import { fal } from "fal-chain";
import { defineApp, isMain } from "fal-chain/app";
import * as z from "zod";
${store === "postgres" ? SHARED : ""}
const app = defineApp({
  name: "${name}",
${store === "postgres" ? '  secrets: { DATABASE_URL: z.string().startsWith("postgres") },\n' : ""}\
  endpoints: {
    "/": {
      input: z.object({ prompt: z.string().min(1) }),
      output: z.object({ picture: z.string(), cutout: z.string() }),
      handler: async ({ prompt }, { reply }) => {
        const { data } = await fal.subscribe("fal-ai/flux/schnell", { input: { prompt } });
        const image_url = data.images[0].url;
        const cutout = await fal.subscribe("fal-ai/birefnet/v2", { input: { image_url } });
        reply.billableUnits = 1;
        return { picture: image_url, cutout: cutout.data.image.url };
      },
    },
  },
});

export default app;
// The grace period is the one of pyproject.toml.
if (isMain(import.meta)) await app.serve({ gracePeriod: 30_000 });
`;

const SHARED = `
// Calls are kept where all runners find them, so that a request which fal sends again pays for nothing twice.
if (process.env["DATABASE_URL"]) process.env["FAL_CHAIN_STORE"] = process.env["DATABASE_URL"];
`;

const TEST = `\
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { emulatorEnv, serveEmulator } from "fal-chain/emulator";
import app from "./app.ts";

const emulator = await serveEmulator({ timeScale: 0.05 });
Object.assign(process.env, emulatorEnv(emulator.url), { FAL_CHAIN_STORE: "memory", DATABASE_URL: "postgres://unused" });
after(() => emulator.close());

const post = (input: object) =>
  app.fetch(new Request("http://app/", { method: "POST", body: JSON.stringify(input) }));

test("a prompt becomes a picture and its cut-out", async () => {
  const reply = await post({ prompt: "a fox" });
  assert.equal(reply.status, 200);
  assert.equal(reply.headers.get("x-fal-billable-units"), "1");
  const { picture, cutout } = (await reply.json()) as Record<string, string>;
  for (const url of [picture, cutout]) assert.equal((await fetch(url ?? "")).status, 200);
});

test("an input that does not fit is refused, and costs nothing", async () => {
  const reply = await post({ prompt: "" });
  assert.equal(reply.status, 422);
  assert.equal(reply.headers.get("x-fal-billable-units"), "0");
});
`;

const pyproject = ({ name, store }: Template): string => `\
# What fal reads at \`fal deploy ${name}\`. fal-chain check holds it against what fal knows.
[tool.fal.apps.${name}]
auth = "private"
machine_type = "S"
exposed_port = 8080
metrics_port = 9090
# The app waits for models most of the time, so one runner answers many requests.
max_multiplexing = 50
startup_timeout = 60
termination_grace_period_seconds = 30
${store === "postgres" ? 'secrets = ["DATABASE_URL"]' : '# secrets = ["DATABASE_URL"]'}

[tool.fal.apps.${name}.image]
dockerfile = "Dockerfile"

[tool.fal.apps.${name}.health_check]
path = "/health"
method = "GET"

${store === "postgres" ? RETRIED : NOT_RETRIED}[tool.fal.apps.${name}.retry_config]
${["server_error", "timeout", "connection_error"].map((when) => `${when} = { retries = ${store === "postgres" ? 9 : 0} }`).join("\n")}
`;

const NOT_RETRIED = `\
# What was paid for is in the runner's memory only, so a request that is sent again would pay again: it is not sent again.
# Keep calls in PostgreSQL (fal-chain init --store postgres) before you raise these.
`;
const RETRIED = `\
# A request that is sent again goes on from what the database has, and pays for nothing twice.
`;

const dockerfile = ({ package: wanted }: Template): string => {
  const packed = /^file:\.\/(.+)$/.exec(wanted)?.[1];
  return `\
FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production
COPY package.json package-lock.json ${packed === undefined ? "" : `${packed} `}./
RUN npm install --omit=dev --no-audit --no-fund
COPY app.ts ./
EXPOSE 8080 9090
# Node itself, as a list: it gets fal's SIGTERM, and no shell or npm stands before it.
CMD ["node", "app.ts"]
`;
};

const DOCKERIGNORE = `\
node_modules
.git
.env*
.fal-chain
out
*.md
*.test.ts
`;

const GITIGNORE = `\
node_modules
.env*
.fal-chain
out
`;

const manifest = ({ name, package: wanted, store }: Template): string =>
  `${JSON.stringify(
    {
      name,
      private: true,
      type: "module",
      engines: { node: ">=22.18" },
      scripts: {
        start: "node app.ts",
        dev: "fal-chain dev app.ts",
        test: "node --test",
        check: "fal-chain check",
      },
      dependencies: { "fal-chain": wanted, ...(store === "postgres" && { pg: "^8.0.0" }), zod: "^4.0.0" },
      devDependencies: { "@types/node": "^24.0.0", typescript: ">=5.9" },
    },
    null,
    2,
  )}\n`;

const TSCONFIG = `\
{
  "compilerOptions": {
    "target": "ES2024",
    "lib": ["ES2024", "DOM", "DOM.Iterable"],
    "module": "NodeNext",
    "types": ["node"],
    "strict": true,
    "noEmit": true,
    "skipLibCheck": true,
    "erasableSyntaxOnly": true,
    "verbatimModuleSyntax": true,
    "allowImportingTsExtensions": true
  },
  "include": ["*.ts"]
}
`;
