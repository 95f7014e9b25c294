import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseDockerfile } from "../../src/shipping/dockerfile.ts";
import { checkDockerfile, environmentOf } from "../../src/shipping/image.ts";
import { readPyproject } from "../../src/shipping/pyproject.ts";
import { checkSecrets, checkServed } from "../../src/shipping/served.ts";
import { entryOf } from "../../src/shipping/start-command.ts";
import { filesOf } from "../../src/shipping/template.ts";
import { tempDir } from "../support/temp.ts";

const files = filesOf({ name: "ads", package: "^0.1.0", store: "memory" });
const dockerfile = files["Dockerfile"] ?? "";

function setup(toml = files["pyproject.toml"] ?? "") {
  const directory = tempDir();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  writeFileSync(join(directory, "package-lock.json"), "{}");
  mkdirSync(join(directory, "node_modules"));
  mkdirSync(join(directory, "lib"));
  writeFileSync(join(directory, "lib", "main.ts"), "");
  const [app] = readPyproject(toml, "pyproject.toml").apps;
  if (!app) throw new Error("no app");
  const check = (source: string) =>
    checkDockerfile(source, "Dockerfile", directory, app).map(({ text }) => text);
  return { check, app, directory };
}

test("what init writes has nothing that would not work", () => {
  const { check, app, directory } = setup();
  expect(check(dockerfile)).toEqual([]);
  expect(entryOf(dockerfile, app, directory)).toBe("app.ts");
});

test.each([
  ['CMD ["node", "app.ts"]', "CMD node app.ts", "a shell stands before it and keeps fal's SIGTERM"],
  ['CMD ["node", "app.ts"]', "CMD [node, app.ts]", "not written as a list"],
  ['CMD ["node", "app.ts"]', 'CMD ["npm", "start"]', "npm stands between fal and the app"],
  ['CMD ["node", "app.ts"]', 'CMD ["/bin/sh", "-c", "node app.ts"]', "sh stands between fal and the app"],
  [
    'CMD ["node", "app.ts"]',
    'ENTRYPOINT ["npx"]\nCMD ["tsx", "app.ts"]',
    "npx stands between fal and the app",
  ],
  ['CMD ["node", "app.ts"]', 'CMD ["node", "--watch", "app.ts"]', "--watch stands between fal and the app"],
  ['CMD ["node", "app.ts"]', "", "It has no CMD."],
  ['CMD ["node", "app.ts"]', 'CMD ["node", "main.ts"]', "It starts main.ts, and there is no such file."],
  ["FROM node:24-slim", "FROM node:20-slim", "fal-chain needs Node 22.13 or newer"],
  ["FROM node:24-slim", "FROM docker.io/library/node:22.12", "fal-chain needs Node 22.13 or newer"],
  ["FROM node:24-slim", "FROM node:22.14-alpine", "Node reads TypeScript from 22.18 on"],
  ["FROM node:24-slim", "", "It has no FROM"],
  ["EXPOSE 8080 9090", "EXPOSE 3000", "It exposes 3000, and pyproject.toml has exposed_port = 8080."],
  ["ENV NODE_ENV=production", 'ENV FAL_KEY="id:secret"', "FAL_KEY is the platform's"],
  ["ENV NODE_ENV=production", "ARG FAL_KEY", "FAL_KEY is the platform's"],
  ["COPY app.ts ./", "COPY app.ts node_modules ./", "fal does not upload node_modules"],
  ["COPY app.ts ./", "COPY ./.env .", "fal does not upload ./.env"],
  ["COPY app.ts ./", 'COPY ["README.md", "./"]', "fal does not upload README.md"],
  ["COPY app.ts ./", "COPY app.ts parts ./", "It copies parts, and there is no such file."],
  ["RUN npm install", "RUN echo", "Nothing installs what package.json needs"],
])("%j as %j is told", (before, after, said) => {
  const { check } = setup();
  expect(dockerfile).toContain(before);
  expect(check(dockerfile.replace(before, after))).toContainEqual(expect.stringContaining(said));
});

test.each([
  [
    "a build in a stage of its own",
    dockerfile.replace("FROM node", "FROM node:24 AS build\nCMD npm start\nFROM node"),
  ],
  ["an init that passes signals on", dockerfile.replace("CMD [", 'ENTRYPOINT ["tini", "--"]\nCMD [')],
  ["what another stage made", dockerfile.replace("COPY app.ts ./", "COPY --from=build /app/anything ./")],
  ["a wildcard", dockerfile.replace("COPY app.ts", "COPY *.ts")],
  ["a command over several lines", dockerfile.replace('CMD ["node", ', 'CMD \\\n# it\n\n ["node", \\\n')],
  ["a loader of the runtime", dockerfile.replace('CMD ["node",', 'CMD ["node", "--import", "tsx",')],
  ["arguments of the program", dockerfile.replace('"app.ts"]', '"app.ts", "--config", "x.ts"]')],
  [
    "a program out of a folder",
    dockerfile.replace("COPY app.ts", "COPY lib/").replace('"app.ts"]', '"main.ts"]'),
  ],
  ["the built program", dockerfile.replace('"app.ts"]', '"dist/app.js"]')],
])("%s is fine", (_, source) => {
  expect(setup().check(source)).toEqual([]);
});

test("the command of pyproject.toml is the one that counts", () => {
  const toml = files["pyproject.toml"] ?? "";
  const named = toml.replace(
    'dockerfile = "Dockerfile"',
    'dockerfile = "Dockerfile"\ncmd = ["npm", "start"]',
  );
  expect(setup(named).check(dockerfile)).toContainEqual(
    expect.stringContaining("npm stands between fal and the app"),
  );
});

test("instructions are read with their lines, flags and here-documents", () => {
  const source =
    '# escape=`\nfrom a`\n  AS b\nRUN --mount=type=cache,target=/x <<EOF\nCMD no\nEOF\ncopy --from=b ["x", "y"]\n';
  expect(parseDockerfile(source)).toEqual([
    { name: "FROM", text: "a AS b", flags: [], list: undefined, line: 2 },
    { name: "RUN", text: "<<EOF", flags: ["--mount=type=cache,target=/x"], list: undefined, line: 4 },
    { name: "COPY", text: '["x", "y"]', flags: ["--from=b"], list: ["x", "y"], line: 7 },
  ]);
});

test.each([
  ["serve({ gracePeriod: 30_000 })", "", []],
  ["serve()", "", []],
  ["serve({ port: 3000 })", "", ["It listens on 3000, and pyproject.toml has exposed_port = 8080."]],
  ["serve({ port })", "ENV FAL_CHAIN_PORT=3000", []],
  ["serve()", "ENV FAL_CHAIN_PORT=3000", ["It listens on 3000, and pyproject.toml has exposed_port = 8080."]],
  [
    "serve({ metricsPort: 1_000 })",
    "",
    ["Its metrics are on 1000, and pyproject.toml has metrics_port = 9090."],
  ],
  [
    "serve({ gracePeriod: 31_000 })",
    "",
    [expect.stringContaining("up to 31000 ms to end, and fal ends it after 30 s")],
  ],
  ["listen(3000)", "", []],
])("an app with %s, in an image with %j", (program, image, texts) => {
  const { app } = setup();
  const found = checkServed(`await app.${program};`, "app.ts", environmentOf(image), app);
  expect(found.map(({ text }) => text)).toEqual(texts);
});

test.each([
  [["DATABASE_URL"], []],
  [undefined, []],
  [
    ["OTHER"],
    [expect.stringContaining("It asks for DATABASE_URL, TOKEN_2, which secrets of pyproject.toml does not")],
  ],
])("an app that asks for two secrets, where %j are listed", (listed, texts) => {
  const { app } = setup();
  const program = "defineApp({ secrets: { DATABASE_URL: z.url(), TOKEN_2: z.string() }, setup() {} })";
  const secrets = listed?.includes("DATABASE_URL") ? [...listed, "TOKEN_2"] : listed;
  expect(checkSecrets(program, "app.ts", { ...app, secrets }).map(({ text }) => text)).toEqual(texts);
});
