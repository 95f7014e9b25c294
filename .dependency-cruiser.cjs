const { builtinModules } = require("node:module");
const { exports: packageExports } = require("./package.json");

/** Packages that the build puts into our own files; of their types nothing is in the declarations. */
const IN_OUR_FILES = [
  "ky",
  "p-retry",
  "eventsource-parser",
  "fast-png",
  "d3-scale",
  "d3-shape",
  "log-update",
];

/** What every folder may stand on. */
const GROUND = ["base", "errors", "money", "journal"];

/** Folders of src that make up the client: what src/assemble.ts may put together and src/index.ts may name. */
const CLIENT = [
  ...GROUND,
  "environment",
  "transport",
  "queue",
  "calls",
  "storage",
  "platform",
  "attribution",
  "store",
  "ledger",
  "chain",
  "webhooks",
  "realtime",
  "files",
  "telemetry",
];

/**
 * Who may import whom: a folder (or file) of src, and what it may import besides itself. A folder without a row may
 * neither import nor be imported, so a new one starts by getting its row here.
 */
const MAY_IMPORT = {
  base: ["errors"],
  errors: ["money"],
  money: [],
  journal: ["errors", "money"],
  environment: [...GROUND],
  attribution: [...GROUND],
  transport: [...GROUND, "environment"],
  queue: [...GROUND],
  storage: [...GROUND],
  platform: [...GROUND],
  webhooks: [...GROUND],
  files: [...GROUND],
  store: [...GROUND, "environment"],
  ledger: [...GROUND, "attribution"],
  calls: [...GROUND, "queue", "platform", "storage", "files", "attribution", "ledger"],
  chain: [...GROUND, "calls", "store", "ledger", "attribution", "files"],
  realtime: [...GROUND, "attribution", "queue", "calls"],
  secrets: [...GROUND, "environment", "store/private-file.ts"],
  telemetry: [...GROUND, "environment", "attribution", "calls", "chain"],
  worker: [...GROUND, "chain", "store"],
  proxy: [...GROUND, "environment", "attribution", "queue", "index.ts"],
  app: [...GROUND, "environment", "attribution", "ledger", "telemetry", "index.ts"],
  react: ["errors", "index.ts"],
  shipping: ["base", "errors"],
  schemas: ["base", "errors", "queue"],
  model: ["base"],
  "stand-ins": ["errors", "model", "schemas/schema.ts", "schemas/document.ts", "schemas/module.ts"],
  gateway: ["base", "errors"],
  emulator: [
    "base",
    "errors",
    "model",
    "stand-ins/index.ts",
    "stand-ins/from-schema/index.ts",
    "stand-ins/from-schema/read.ts",
    "gateway",
  ],
  testing: ["errors", "emulator/index.ts", "index.ts"],
  runners: ["base", "errors", "environment", "secrets", "gateway", "emulator/index.ts"],
  terminal: [...GROUND, "environment", "calls", "chain", "ledger", "files", "report"],
  report: [...GROUND, "chain", "ledger"],
  cli: [
    ...[...GROUND, "environment", "attribution", "secrets", "shipping", "schemas", "runners", "terminal"],
    ...["index.ts", "store/selector.ts", "store/postgres.ts", "report/index.ts", "emulator/index.ts"],
    ...["platform/catalog.ts", "queue/endpoint.ts", "transport/http.ts"],
  ],
  "fal.ts": CLIENT,
  "assemble.ts": [...CLIENT, "fal.ts"],
  "client-options.ts": ["base", "calls", "chain", "ledger", "transport", "fal.ts", "files"],
  "client.ts": [...CLIENT, "fal.ts", "assemble.ts", "client-options.ts"],
  "official-names.ts": ["calls", "errors", "queue", "storage", "fal.ts", "client.ts"],
  "index.ts": [...CLIENT, "fal.ts", "client.ts", "official-names.ts"],
};

/** A row's name as a pattern: "queue" is the folder, "index.ts" the file. */
const inSrc = (name) => `^src/${name.replaceAll(".", "\\.")}${name.endsWith(".ts") ? "$" : "/"}`;

const OURS = "^(src|test|examples|bench|\\.ci)/";

/** The sources behind the package's entry points, as package.json lists them. */
const ENTRY_POINTS = Object.values(packageExports)
  .map((target) => target["fal-chain-source"])
  .filter(Boolean)
  .map((file) => inSrc(file.replace("./src/", "")));

const NODE_MODULES = `^(node:)?(${builtinModules.map((name) => name.replace("node:", "")).join("|")})(/|$)`;

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    ...Object.entries(MAY_IMPORT).map(([name, others]) => ({
      name: `direction-of-${name}`,
      severity: "error",
      from: { path: inSrc(name) },
      to: { path: OURS, pathNot: [name, ...others].map(inSrc) },
    })),
    {
      name: "folder-without-a-row",
      severity: "error",
      from: { path: "^src/", pathNot: Object.keys(MAY_IMPORT).map(inSrc) },
      to: {},
    },
    {
      name: "test-of-a-folder",
      comment: "test/<folder> reaches into src/<folder> only; everything else it uses as a user would.",
      severity: "error",
      from: { path: "^test/([^/]+)" },
      to: {
        path: OURS,
        pathNot: [
          "^src/$1/",
          "^test/$1/",
          "^test/support/",
          ...["base", "errors", "money", "journal"].map(inSrc),
          ...ENTRY_POINTS,
        ],
      },
    },
    {
      name: "processes-in-their-project",
      comment: "What starts a process takes seconds: it is a *.process.test.ts, which `npm test` leaves out.",
      severity: "error",
      from: { path: "^test/.*\\.test\\.ts$", pathNot: "\\.process\\.test\\.ts$" },
      to: { path: ["^(node:)?child_process$", "^test/support/(child|postgres)\\.ts$"] },
    },
    {
      name: "examples-use-the-package",
      comment: "By its name: they run against the packed build too, where there is no ../src.",
      severity: "error",
      from: { path: "^(examples|bench)/" },
      to: { path: OURS, pathNot: "^$1/", dependencyTypes: ["local"] },
    },
    {
      name: "no-cycles",
      comment: "Type-only imports count: they tie two files together just as well.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "client-runs-anywhere",
      comment:
        "The client is bundled for runtimes without Node's modules; process.getBuiltinModule finds them.",
      severity: "error",
      from: {
        path: [
          inSrc("index.ts"),
          inSrc("proxy/index.ts"),
          inSrc("react/index.ts"),
          inSrc("webhooks/index.ts"),
          inSrc("schemas/index.ts"),
        ],
      },
      to: { reachable: true, path: NODE_MODULES },
    },
    {
      name: "only-declared-dependencies",
      comment:
        "A user's install has `dependencies`, the peers that the user chose, and what build.mjs puts into our own files. Type-only " +
        "imports end up in our declarations.",
      severity: "error",
      from: { path: "^src/" },
      to: {
        dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"],
        dependencyTypesNot: ["npm-peer"],
        pathNot: `^node_modules/(?:@types/)?(?:${IN_OUR_FILES.join("|")})/`,
      },
    },
    {
      name: "unresolvable",
      comment: "What cannot be found cannot be checked by any rule above.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    // Programs of the packed package.
    exclude: { path: "^test/runtimes/" },
    tsConfig: { fileName: "tsconfig.json" },
    // Before compilation, so that type-only imports are seen.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["fal-chain-source", "node", "import", "types", "default"],
    },
  },
};
