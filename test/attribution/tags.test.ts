import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkUserTags, parseTagsHeader, tagsHeader, wireTags } from "../../src/attribution/tags.ts";
import { cases } from "../support/cases.ts";
import { ECHO, ENV, setup } from "../support/setup.ts";

/** The tags of one call, as the emulator's gateway kept them. */
async function received(tags: Record<string, string | number | boolean | undefined>, env = {}) {
  const { fal, emulator } = setup({ env: { ...ENV, ...env } });
  await fal.queue.submit(ECHO, { input: {}, tags });
  return emulator.jobs[0]?.tags;
}

test("a call carries its user's tags and who it is from", async () => {
  const env = { FAL_JOB_ID: "job-1", FAL_APP_NAME: "poster" };
  expect(await received({ customer: "acme", seats: 4, trial: true, none: undefined }, env)).toEqual({
    job_id: "job-1",
    app: "poster",
    customer: "acme",
    seats: "4",
    trial: "true",
  });
});

test("without tags there is no header", async () => {
  const { fal, emulator } = setup();
  await fal.queue.submit(ECHO, { input: {} });
  expect(emulator.jobs[0]?.rawTags).toBeUndefined();
});

describe("a bad tag is an error before anything is sent, with the nearest good one", () => {
  const long = "k".repeat(65);
  test.each<[Record<string, string | number>, RegExp]>([
    [{ Customer: "x" }, /"Customer".*Use "customer"/],
    [{ "customer id": "x" }, /Use "customer_id"/],
    [{ größe: "x" }, /Use "gr_e"/],
    [{ "": "x" }, /Use "tag"/],
    [{ [long]: "x" }, new RegExp(`Use "${"k".repeat(64)}"`)],
    [{ "fal.x": "x" }, /fal keeps for itself. Use "x"/],
    [{ job_id: "x" }, /"job_id" is set by the client/],
    [{ app: "x" }, /"app" is set/],
    [{ chain: "x" }, /"chain" is set/],
    [{ run: "x" }, /"run" is set/],
    [{ request: "x" }, /"request" is set/],
    [{ Run: "x" }, /"run" is set/],
    [{ empty: " " }, /"empty" has no value/],
    [{ a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 }, /6 tags \(a, b, c, d, e, f\) are too many.*Leave out 1/],
  ])("%o", async (tags, message) => {
    const { fal, sent } = setup();
    for (const make of [
      () => fal.subscribe(ECHO, { input: {}, tags }),
      () => fal.queue.submit(ECHO, { input: {}, tags }),
    ]) {
      await expect(make()).rejects.toThrow(message);
      await expect(make()).rejects.toMatchObject({ code: "invalid_argument", billed: false });
    }
    expect(() => fal.withTags(tags, () => {})).toThrow(message);
    expect(() => fal.chain("c", async () => {}).start(undefined, { tags })).toThrow(message);
    expect(sent).toEqual([]);
  });
});

test.each([
  ["a,b", "a%2Cb"],
  ["100%", "100%25"],
  ["Zürich 🦊", "Z%C3%BCrich %F0%9F%A6%8A"],
  ["a=b", "a=b"],
  [" padded ", "%20padded%20"],
  ["line\nbreak", "line%0Abreak"],
])("the value %j goes over the wire as %s", async (value, wire) => {
  expect(await received({ value })).toEqual({ value: wire });
  expect(decodeURIComponent(wire)).toBe(value);
});

test("a long value is cut to a prefix and a hash, so that two of them stay apart", async () => {
  const [a, b] = await Promise.all(["a", "b"].map((end) => received({ prompt: "x".repeat(400) + end })));
  expect(a?.["prompt"]).toMatch(/^x{247}~[0-9a-f]{8}$/);
  expect(b?.["prompt"]).toMatch(/^x{247}~[0-9a-f]{8}$/);
  expect(a).not.toEqual(b);
});

test("no key is special", async () => {
  expect(Object.entries(await wireTags({}, { ["__proto__"]: "x" }))).toEqual([["__proto__", "x"]]);
});

test("whatever the values, fal keeps every tag: ten pairs within its limits, none silently dropped", async () => {
  const key = fc.stringMatching(/^[a-z0-9._-]{1,64}$/).filter((key) => {
    try {
      checkUserTags({ [key]: "x" });
      return true;
    } catch {
      return false;
    }
  });
  const value = fc
    .string({ unit: "binary", minLength: 1, maxLength: 500, size: "max" })
    .filter((text) => text.trim() !== "");
  const { emulator } = setup();
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(key, value, { maxKeys: 5 }),
      fc.record({ job_id: value, app: value, chain: value, run: value, request: value }),
      async (user, own) => {
        const wire = await wireTags(own, user);
        const request = new Request("https://queue.fal.run/acme/echo", {
          method: "POST",
          body: "{}",
          headers: { authorization: "Key a:b", "x-fal-tags": tagsHeader(wire) },
        });
        await emulator.fetch(request);
        expect(emulator.jobs.at(-1)?.tags).toEqual(wire);
        expect(Object.keys(wire)).toHaveLength(Object.keys(user).length + 5);
      },
    ),
    { numRuns: cases(60) },
  );
});

test("tags in a raw header are parsed, merged and checked like any others", async () => {
  const { fal, emulator, sent } = setup();
  const headers = { "X-Fal-Tags": "Team = studio, env=prod=eu,", "x-custom": "1" };
  await fal.queue.submit(ECHO, { input: {}, headers, tags: { customer: "acme" } });
  expect(emulator.jobs[0]?.tags).toEqual({ team: "studio", env: "prod=eu", customer: "acme" });
  expect(emulator.jobs[0]?.headers["x-custom"]).toBe("1");
  for (const bad of ["run=mine", "a b=1", "fal.x=1", "novalue"]) {
    const call = fal.queue.submit(ECHO, { input: {}, headers: { "x-fal-tags": bad } });
    await expect(call).rejects.toMatchObject({ code: "invalid_argument" });
  }
  expect(sent).toHaveLength(1);
  expect(parseTagsHeader("a=1,a=2")).toEqual({ a: "2" });
});
