import { type CostKey, createFal, formatUsd } from "fal-chain";
import { expect, test } from "vitest";
import { html } from "../../src/report/html.ts";
import { reportPage } from "../../src/report/index.ts";
import { ECHO, setup } from "../support/setup.ts";

const EVIL = `<script>alert("1")</script>' & Söhne`;

/** Two days, two customers, one run with scopes, and a call that failed. */
async function page() {
  const { fal, emulator, clock } = setup({ env: { FAL_KEY: "a:b", FAL_JOB_ID: "job-7" } });
  const film = fal.chain("film", async () => {
    await fal.subscribe(ECHO, { input: {}, step: EVIL });
    await fal.map([1, 2], (n) => fal.subscribe(ECHO, { input: { n }, step: "frame" }));
  });
  await film.start(undefined, { id: "1", tags: { customer: EVIL } });
  await clock.advance(2 * 86_400_000);
  await fal.withTags({ customer: "acme" }, async () => {
    emulator.faults.next("submit", "completed-with-error; status=422");
    await fal.subscribe(ECHO, { input: {} }).catch(() => {});
    await fal.subscribe(ECHO, { input: {} });
  });
  await fal.close();
  const by: readonly CostKey[] = ["tag:customer"];
  const costs = await fal.costs({ by });
  const overTime = async (time: "day" | "hour", key: CostKey) => ({
    title: `Over time, by ${key}`,
    time,
    key,
    rows: (await fal.costs({ by: [time, key] })).rows,
  });
  const data = {
    source: "all calls",
    madeAt: clock.now(),
    by,
    costs,
    overTime: [await overTime("day", "chain"), await overTime("hour", "tag:customer")],
    run: await fal.runs.parts("film", "1"),
  };
  return { text: reportPage(data), costs, data };
}

test("the page needs nothing beside itself, and what others wrote cannot become a part of it", async () => {
  const { text } = await page();
  expect(text).not.toContain("<script");
  expect(text).not.toMatch(/\b(src|href|url)\s*[=(]/);
  expect(text).not.toContain(EVIL);
  expect(text).toContain("&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62;&#39; &#38; Söhne");
  expect(text).toContain(`default-src 'none'`);
});

test("what is drawn is what was paid, in both widths", async () => {
  const { text, costs } = await page();
  const charts = text.match(/<svg class="(?:wide|narrow)"[^>]*aria-label="Money[\s\S]*?<\/svg>/g) ?? [];
  expect(charts).toHaveLength(4);
  for (const chart of charts) {
    const drawn = [...chart.matchAll(/: \$([\d.]+)<\/title>/g)].map(([, usd]) => Number(usd) * 1e9);
    expect(drawn.reduce((sum, nano) => sum + nano, 0)).toBeCloseTo(costs.total.nanoUsd, 3);
  }
  expect(text).toContain(`<dd>${formatUsd(costs.total.nanoUsd)}`);
});

test("times without calls have their place", async () => {
  const { data } = await page();
  const [daily] = data.overTime;
  const text = reportPage({ ...data, overTime: daily ? [daily] : [] });
  const [chart = ""] = /<svg class="wide"[\s\S]*?<\/svg>/.exec(text) ?? [];
  const labels = [...chart.matchAll(/class="middle">([^<]+)</g)].map(([, label]) => label);
  expect(labels).toHaveLength(3);
});

test("a run is a tree, and a timeline with a bar for each call that ran", async () => {
  const { text } = await page();
  expect(text.match(/<tr class="scope">/g)).toHaveLength(2);
  const timelines = text.match(/<svg[^>]*aria-label="When[\s\S]*?<\/svg>/g) ?? [];
  expect(timelines).toHaveLength(2);
  for (const timeline of timelines) expect(timeline.match(/<rect class="s0"/g)).toHaveLength(3);
});

test("without calls it is a page all the same", async () => {
  const fal = createFal({ env: {} });
  const costs = await fal.costs();
  const none = { source: "", madeAt: 0, by: ["endpoint"], costs, overTime: [], run: undefined };
  expect(reportPage(none)).toContain("<dd>$0.00</dd>");
});

test("text is escaped, pieces of HTML are not", () => {
  expect(html`<b title="${'"'}">${["&", html`<i></i>`, undefined, false, 0]}</b>`.text).toBe(
    '<b title="&#34;">&#38;<i></i>0</b>',
  );
});
