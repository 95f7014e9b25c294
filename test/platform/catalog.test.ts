import { expect, test } from "vitest";
import type { Transport, WireRequest } from "../../src/base/transport.ts";
import { apiError } from "../../src/errors/api.ts";
import { createCatalog } from "../../src/platform/catalog.ts";

const DOCUMENT = { paths: {} };
const row = (id: string, openapi?: object) => ({ endpoint_id: id, metadata: { display_name: id }, openapi });

/** A catalog at this address that gives these answers, and what it was asked for. */
function catalogAt(base: string, answer: (url: URL) => object | undefined) {
  const sent: WireRequest[] = [];
  const transport = {
    async send(request: WireRequest, read: (reply: object) => unknown) {
      sent.push(request);
      const found = answer(new URL(request.url));
      if (!found) throw apiError({ status: 404, body: {}, headers: new Headers(), requestId: undefined });
      return read({ text: JSON.stringify(found) });
    },
  } as unknown as Transport;
  return { sent, catalog: createCatalog(transport, () => base) };
}

test.each([
  ["https://api.fal.ai/v1", DOCUMENT, 2],
  ["http://127.0.0.1:8787/api/v1", undefined, 1],
])(
  "a document that the catalog of %s has lost is asked for where fal's pages have it",
  async (base, document, requests) => {
    const { sent, catalog } = catalogAt(base, ({ host }) =>
      host === "fal.ai" ? DOCUMENT : { models: [row("a/b", { error: { code: "timeout", message: "" } })] },
    );
    expect((await catalog.find(["a/b"])).get("a/b")).toMatchObject({ id: "a/b", document });
    expect(sent).toHaveLength(requests);
    // fal.ai is no origin of fal's that may have the key.
    expect(sent[1]?.keyless).toBe(requests === 2 ? "probe" : undefined);
  },
);

test("where one that is unknown spoils the others, each is asked for", async () => {
  const { sent, catalog } = catalogAt("http://127.0.0.1/api/v1", (url) => {
    const ids = url.searchParams.getAll("endpoint_id");
    return ids.includes("a/gone") ? undefined : { models: ids.map((id) => row(id, DOCUMENT)) };
  });
  expect([...(await catalog.find(["a/b", "a/gone", "a/c"])).keys()]).toEqual(["a/b", "a/c"]);
  expect(sent).toHaveLength(4);
});

test("a search goes on to as many pages as are wanted, and prices that are none are left out", async () => {
  const { sent, catalog } = catalogAt("http://127.0.0.1/api/v1", (url) =>
    url.pathname.endsWith("/pricing")
      ? {
          prices: [
            { endpoint_id: "a/0", unit_price: 0.00111, unit: "images" },
            { endpoint_id: "a/1", unit_price: -1, unit: "images" },
          ],
        }
      : {
          models: Array.from({ length: 50 }, (_, n) => row(`a/${n}`)),
          next_cursor: `${url.searchParams.get("cursor") ?? ""}x`,
          has_more: true,
        },
  );
  expect(await catalog.search({ text: "flux", limit: 60 })).toHaveLength(60);
  expect(sent.map(({ url }) => new URL(url).search)).toEqual([
    "?q=flux&limit=50",
    "?q=flux&limit=50&cursor=x",
  ]);
  expect([...(await catalog.prices(["a/0", "a/1"]))]).toEqual([
    ["a/0", { unit: "images", unitPriceNanoUsd: 1_110_000 }],
  ]);
});
