import { expect, test } from "vitest";
import { readPyproject } from "../../src/shipping/pyproject.ts";
import { filesOf } from "../../src/shipping/template.ts";

const template = { name: "ads", package: "^0.1.0", store: "memory" } as const;
const written = filesOf(template)["pyproject.toml"] ?? "";

const textsOf = (toml: string) => readPyproject(toml, "pyproject.toml").findings.map(({ text }) => text);
/** With a line more in the app's own table. */
const having = (line: string) => textsOf(written.replace('auth = "private"', `auth = "private"\n${line}`));

test.each(["memory", "postgres"] as const)(
  "what init writes for %s has nothing that fal would refuse",
  (store) => {
    const { apps, findings } = readPyproject(filesOf({ ...template, store })["pyproject.toml"] ?? "", "x");
    expect(findings).toEqual([]);
    expect(apps).toEqual([
      expect.objectContaining({
        key: "ads",
        exposedPort: 8080,
        metricsPort: 9090,
        dockerfile: "Dockerfile",
        healthPath: "/health",
        graceSeconds: 30,
        secrets: store === "postgres" ? ["DATABASE_URL"] : undefined,
        isRetried: store === "postgres",
      }),
    ]);
  },
);

test.each([
  ["exposed_prt = 80", 'tool.fal.apps.ads has no key "exposed_prt". Did you mean "exposed_port"?'],
  ["unheard_of_key = 1", 'tool.fal.apps.ads has no key "unheard_of_key".'],
  [
    'app_files = ["x"]',
    "tool.fal.apps.ads.app_files is for apps in Python: an image copies its files itself.",
  ],
  [
    'regions = ["us-wst"]',
    'it is a list of us-west, us-central, us-east, eu-north, eu-west. Did you mean "us-west"?',
  ],
  ['skip_retry_conditions = ["timeouts"]', 'Did you mean "timeout"?'],
  ["min_concurrency = -1", "tool.fal.apps.ads.min_concurrency is -1; it is a whole number from 0 up."],
  [
    "min_concurrency = 3\nmax_concurrency = 2",
    "tool.fal.apps.ads.min_concurrency is 3, more than max_concurrency, 2.",
  ],
  ['ref = "ads.py::Ads"', "tool.fal.apps.ads has both ref and image"],
  ['num_gpus = "two"', 'tool.fal.apps.ads.num_gpus is "two"; it is a whole number from 1 up.'],
  ["private_logs = 1", "tool.fal.apps.ads.private_logs is 1; it is true or false."],
  ['secrets = "TOKEN"', 'tool.fal.apps.ads.secrets is "TOKEN"; it is a list of texts.'],
])("%s is an error that says what there is", (line, said) => {
  const found = having(line);
  expect(found).toEqual([expect.stringContaining(said)]);
});

test.each([
  [
    "termination_grace_period_seconds = 30",
    "termination_grace_period_seconds = 60",
    "it is seconds from 0 to 30.",
  ],
  ["exposed_port = 8080", "exposed_port = 80800", "it is a port from 1 to 65535."],
  ["exposed_port = 8080", "", "has no exposed_port, which an image needs"],
  ["metrics_port = 9090", "", "has no metrics_port: without it no metrics are read."],
  ['auth = "private"', 'auth = "privat"', 'Did you mean "private"?'],
  [
    "server_error = { retries = 0 }",
    "server_error = { retries = 10 }",
    "it is further attempts from 0 to 9.",
  ],
  [
    "server_error = { retries = 0 }",
    "server_eror = { retries = 0 }",
    'has no key "server_eror". Did you mean "server_error"?',
  ],
  [
    "server_error = { retries = 0 }",
    "server_error = { retrys = 0 }",
    'has no key "retrys". Did you mean "retries"?',
  ],
  ["max_multiplexing = 50", "max_multiplexing = 1_000_000_000", "it is requests at once from 1 to 10000."],
  ['path = "/health"', 'path = "health"', 'it is a path that begins with "/"'],
  ['path = "/health"', "", "tool.fal.apps.ads.health_check has no path"],
  ['method = "GET"', 'method = "HEAD"', "it is one of GET, POST."],
  ['dockerfile = "Dockerfile"', "", "names the image by dockerfile"],
  ['dockerfile = "Dockerfile"', 'dockerfile = "Dockerfile"\nimage = "a/b:c"', "one of the two"],
  [
    'dockerfile = "Dockerfile"',
    'image = "a/b:c"\nbuild_args = { A = "b" }',
    "an image that is built already",
  ],
])("%j as %j is told", (before, after, said) => {
  expect(written).toContain(before);
  expect(textsOf(written.replace(before, after))).toContainEqual(expect.stringContaining(said));
});

test("what is no TOML is told with its line, and nothing of it", () => {
  const [found] = readPyproject("[tool.fal]\nkey = \n", "pyproject.toml").findings;
  expect(found).toMatchObject({ level: "error", line: 2, text: expect.stringContaining("TOML") });
});

test("apps in Python are left to fal, and a file without an image is told", () => {
  expect(textsOf('[tool.fal.apps.a]\nref = "a.py::A"\nanything = 1\n')).toEqual([
    expect.stringContaining("It has no app that is an image"),
  ]);
  expect(textsOf("[project]\nname = 'x'\n")).toHaveLength(1);
  expect(textsOf("[tool.fal]\napps = 3\n")).toHaveLength(1);
});

test("a condition is retried unless its retries are 0 or it is skipped", () => {
  const isRetried = (toml: string) => readPyproject(toml, "x").apps[0]?.isRetried;
  expect(isRetried(written.replace("timeout = { retries = 0 }\n", ""))).toBe(true);
  const skipping = written.replace("timeout = { retries = 0 }\n", "");
  expect(isRetried(skipping.replace('auth = "private"', 'skip_retry_conditions = ["timeout"]'))).toBe(false);
});
