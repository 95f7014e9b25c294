import fc from "fast-check";
import { expect, test } from "vitest";
import { cases } from "../support/cases.ts";
import { echo } from "../support/models.ts";
import { KEY, SECRET, setup } from "../support/setup.ts";
import { kindOf } from "../support/wire.ts";

// Law 5, of what is not the key: where a call comes from, and what its caller lent, reach no endpoint but our own.

const OWNER: Readonly<Record<string, string>> = {
  "acme/own": "acme",
  "workflows/acme/flow": "acme",
  "friend/app": "friend",
  "acme2/app": "acme2",
  "other/acme": "other",
  "ACME/own": "ACME",
  "comfy/other/acme": "other",
};
const ENDPOINTS = Object.keys(OWNER);
const SECRETS = ["baggage", "traceparent", "x-fal-cdn-token", "x-app-fal-can-disable-filter"];

const INCOMING = {
  "x-fal-request-id": "in-1",
  "x-fal-cdn-token": "cdn-token",
  "x-app-fal-can-disable-filter": "1",
  baggage: "fal-chain.root-run=poster%2Forder-1,fal-chain.root-job=job-9,theirs=1",
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
};

const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const scene = fc.record({
  nickname: some(fc.constantFrom("acme", "nobody")),
  job: some(fc.constant("job-1")),
  listed: fc.subarray(["friend"]),
  caller: some(fc.constantFrom("acme", "friend", "0f1e2d")),
  within: fc.subarray(["request", "run", "tags"]),
  calls: fc.array(
    fc.record({
      endpoint: fc.constantFrom(...ENDPOINTS),
      how: fc.constantFrom("subscribe" as const, "submit" as const),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});

test("where a call comes from and what its caller lent is told to our own apps, and to nobody else", async () => {
  let told = 0;
  await fc.assert(
    fc.asyncProperty(scene, async ({ nickname, job, listed, caller, within, calls }) => {
      const { fal, emulator, sent } = setup({
        env: { FAL_KEY: KEY, FAL_USER_NICKNAME: nickname, FAL_JOB_ID: job },
        ownAccounts: listed,
        emulator: { models: ENDPOINTS.map((id) => echo({ id, seconds: 1 })), concurrency: 10 },
      });
      const headers = { ...INCOMING, ...(caller && { "x-fal-caller-user-id": caller }) };
      const all = async (): Promise<void> => {
        for (const { endpoint, how } of calls) {
          const options = { input: {} };
          await (how === "submit" ? fal.queue.submit(endpoint, options) : fal.subscribe(endpoint, options));
        }
      };
      const scopes: Record<string, (fn: () => Promise<void>) => PromiseLike<void>> = {
        request: (fn) => fal.withRequest({ headers }, fn),
        run: (fn) => fal.chain("c", fn).start(undefined, { id: "r" }),
        tags: (fn) => fal.withTags({ customer: "acme" }, fn),
      };
      await within.reduceRight((fn, name) => async () => scopes[name]?.(fn), all)();
      await fal.close();

      const own = new Set([nickname ?? "", ...listed]);
      for (const request of emulator.received) {
        const { pathname } = new URL(request.url);
        const isOwn = kindOf(request) === "submit" && own.has(OWNER[pathname.slice(1)] ?? "?");
        const holds = SECRETS.filter((name) => name in request.headers);
        if (!isOwn) expect(holds, request.url).toEqual([]);
        if (!isOwn) continue;
        const inRequest = within.includes("request");
        const lent = inRequest && job !== undefined;
        const isBelieved = lent && own.has(caller ?? "?");
        const isNamed = isBelieved || within.includes("run") || job !== undefined;
        expect(holds).toEqual([...(isNamed ? SECRETS.slice(0, 2) : []), ...(lent ? SECRETS.slice(2) : [])]);
        expect(request.headers["baggage"]?.includes("poster%2Forder-1") ?? false).toBe(isBelieved);
        expect(request.headers["traceparent"]?.includes("0af76519") ?? false).toBe(isBelieved);
        expect(request.headers["baggage"] ?? "").not.toContain("theirs");
        told += holds.length;
      }
      for (const { url, authorization } of sent) {
        expect(["https://queue.fal.run", "https://api.fal.ai"]).toContain(new URL(url).origin);
        expect(authorization).toBe(`Key ${KEY}`);
      }
      const noted = JSON.stringify(await fal.calls.list());
      expect(noted).not.toContain(SECRET);
      expect(noted).not.toContain("cdn-token");
    }),
    { numRuns: cases(150) },
  );
  expect(told).toBeGreaterThan(cases(150) / 8);
});
