import { expect, test } from "vitest";
import {
  billableUnitsIn,
  bytesOfHeaders,
  headersForCaller,
  headersForRunner,
  strangersId,
} from "../../src/gateway/headers.ts";

const TO = { requestId: "r-1", endpoint: "me/poster/generate", account: "me", owner: "me" };

test("a runner is told who calls what, and of the caller's own headers all but the gateway's", () => {
  const headers = {
    ...{ "x-my-trace": "abc", traceparent: "00-1", baggage: "a=b", "content-type": "application/json" },
    ...{ "x-fal-cdn-token": "t", "x-fal-object-lifecycle-preference": "{}" },
    ...{ "x-app-fal-can-disable-filter": "1" },
    ...{ authorization: "Key me:secret", host: "fal.run", "accept-encoding": "gzip", connection: "close" },
    ...{ te: "trailers", trailer: "x", "proxy-authorization": "Basic me", "proxy-connection": "close" },
    ...{ "x-fal-request-id": "forged", "x-fal-caller-user-id": "forged", "x-fal-endpoint": "forged" },
    ...{
      "x-fal-request-timeout": "5",
      "x-fal-no-retry": "1",
      "x-fal-retry-config": "{}",
      "x-fal-store-io": "0",
    },
    ...{ "x-fal-tags": "a=b", "x-fal-queue-priority": "low", "x-fal-runner-hint": "x" },
  };
  expect(Object.fromEntries(headersForRunner({ ...TO, headers }))).toEqual({
    ...{ "x-my-trace": "abc", traceparent: "00-1", baggage: "a=b", "content-type": "application/json" },
    ...{ "x-fal-cdn-token": "t", "x-fal-object-lifecycle-preference": "{}" },
    "x-app-fal-can-disable-filter": "1",
    ...{ "x-fal-request-id": "r-1", "x-fal-caller-user-id": "me", "x-fal-endpoint": "me/poster/generate/" },
  });
});

test("a stranger's id is hashed", () => {
  const id = headersForRunner({ ...TO, headers: {}, account: "ada" }).get("x-fal-caller-user-id");
  expect(id).toBe(strangersId("ada"));
  expect(id).toMatch(/^[0-9a-f]{64}$/);
});

test("a caller is told what the app answers, less what is for the gateway", () => {
  const headers = new Headers({
    ...{ "content-type": "text/plain", "x-own": "1", location: "/elsewhere", "x-fal-billable-units": "2" },
    ...{ "x-fal-stop-runner": "1", "x-fal-request-id": "forged", "transfer-encoding": "chunked" },
    "x-fal-needs-retry": "1",
  });
  const facts = { requestId: "r-1", jobId: "job-1" };
  const told = (status: number) => Object.fromEntries(headersForCaller({ status, headers }, facts));
  expect(told(200)).toEqual({
    ...{ "content-type": "text/plain", "x-own": "1", location: "/elsewhere", "x-fal-billable-units": "2" },
    ...{ "x-fal-request-id": "r-1", "x-fal-served-from": "job-1" },
  });
  for (const status of [429, 500, 503]) expect(told(status)).toHaveProperty("x-fal-needs-retry", "1");
  for (const status of [200, 302, 422]) expect(told(status)).not.toHaveProperty("x-fal-needs-retry");
});

test("headers are counted as they stand on the wire", () => {
  expect(bytesOfHeaders(new Headers({ ab: "cde" }))).toBe("ab: cde\r\n".length);
});

test.each([
  ["2", 2],
  ["0", 0],
  ["0.5", 0.5],
  ["", undefined],
  ["-1", undefined],
  ["many", undefined],
])("billable units of %s are %s", (text, units) => {
  expect(billableUnitsIn(new Headers({ "x-fal-billable-units": text }))).toBe(units);
});
