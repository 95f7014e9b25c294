/** Programs of users, as texts: each is compiled by itself, against the package's declarations. */

/** The types of what calls and chains give. */
export const LOOSE = `import { createFal, fal, type Result } from "fal-chain";
import * as z from "zod";
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const is = <T extends true>() => {};
export async function main() {
  const { data } = await fal.subscribe("fal-ai/flux/schnell", { input: { prompt: "a fox" } });
  const url: string = data.images[0].url;
  is<Equal<typeof data.seed, number>>();
  const q = await fal.queue.result("fal-ai/esrgan", { requestId: "a" });
  is<Equal<typeof q.data.image.url, string>>();
  const a = await fal.queue.attach("fal-ai/esrgan", { requestId: "a" });
  const u: string = a.data.image.url;
  const unknown = await fal.subscribe("someone/else", { input: { whatever: 1 } });
  is<Equal<typeof unknown.data, any>>();
  const output = z.object({ n: z.number() });
  const o = await fal.subscribe("someone/else", { input: {}, output });
  is<Equal<typeof o.data, { n: number }>>();
  const E = fal.endpoint("a/b", { input: z.object({ p: z.string() }), output: z.object({ url: z.string() }) });
  const e = await fal.subscribe(E, { input: { p: "x" } });
  const eu: string = e.data.url;
  const o2 = await fal.subscribe(E, { input: { p: "x" }, output });
  const n2: number = o2.data.n;
  const chain = fal.chain("x", async (input: { prompt: string }) => {
    const { data } = await fal.subscribe("fal-ai/flux/schnell", { input });
    return { url: data.images[0].url, at: new Date() };
  });
  const out = await chain.start({ prompt: "a" });
  is<Equal<typeof out, { url: string; at: string }>>();
  const none = fal.chain("none", async () => 1);
  const one: number = await none.start();
  const step = await fal.step("s", () => ({ at: new Date() }));
  const at: string = step.at;
  const runs = await fal.map([1, 2], async (n) => \`\${n}\`);
  const first: string = runs[0];
  const fb = await fal.fallback([() => fal.subscribe("fal-ai/esrgan", { input: { image_url: "" } })]);
  const fbu: string = fb.data.image.url;
  // @ts-expect-error of another type
  fal.subscribe("fal-ai/flux/schnell", { input: { prompt: 1 } });
  // @ts-expect-error no such option
  fal.subscribe("fal-ai/flux/schnell", { input: { prompt: "a" }, pollIntervall: 1 });
  // @ts-expect-error of another type
  chain.start({ prompt: 1 });
  // @ts-expect-error a Date comes back as a string
  fal.chain("date", async (input: { at: Date }) => input.at);
}
`;

/** Types that hold themselves. */
export const JSON_TYPES = `import { fal, type Saved, type Chain } from "fal-chain";
import * as z from "zod";
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [Key in string]: JsonValue } & { [Key in string]?: JsonValue | undefined };
export type JsonArray = JsonValue[] | readonly JsonValue[];
export type JsonPrimitive = string | number | boolean | null;
export type JsonValue = JsonPrimitive | JsonObject | JsonArray;
interface Tree { name: string; at?: Date; children: Tree[]; parent?: Tree | null }
interface JsonInterface { [key: string]: string | number | JsonInterface | JsonInterface[] }
type Zj = z.infer<ReturnType<typeof z.json>>;
interface Circle { me: Circle; also: Map<string, Circle> }

export const plain = fal.chain("a", async (input: Json) => input);
export const b = fal.chain("b", async (input: { data: Json; n: number }) => input.data);
export const value = fal.chain("c", async (input: JsonValue) => input);
export const d = fal.chain("d", async (input: { v: JsonObject }) => ({ out: input.v }));
export const e = fal.chain("e", async (input: { tree: JsonInterface }) => input.tree);
export const f = fal.chain("f", async (input: Zj) => input);
export const g = fal.chain("g", async () => ({}) as Tree);
export const h = fal.chain("h", async (input: Record<string, Json>) => input);
export const h2 = fal.chain("h2", async (input: Record<string, unknown>) => input);
export const h3 = fal.chain("h3", async (input: any) => input);
interface PlainTree { name: string; children: PlainTree[] }
export const i = fal.chain("i", async (input: PlainTree) => input.children[0]!);
export async function use(v: Json, t: PlainTree, jv: JsonValue, zj: Zj) {
  const x: Json = await plain.start(v);
  const y: Json = await b.start({ data: v, n: 1 });
  const w: JsonValue = await value.start(jv);
  const zz = await f.start(zj);
  const u = await g.start();
  const s: string | undefined = u.children[0]?.at;
  const s1: Json = await fal.step("json", () => v);
  const s2: JsonValue = await fal.step("json", () => jv);
  const s3 = await fal.step("tree", () => t);
  const s4: string = s3.children[0]!.name;
  const k: PlainTree = await i.start(t);
  const many = await fal.map([v], async (one) => one);
  const handle = await fal.step("tree2", () => ({}) as Tree);
  const hh: string | undefined = handle.parent?.parent?.at;
}
type S = Saved<Json>; 
export const back: S = { a: [1, { b: null }] };
export const loop: Saved<Circle> = null as never;
export type Out<C> = C extends Chain<infer I, infer O> ? [I, O] : never;
export const oo: Out<typeof plain> = null as never;
type Dates = Date | Dates[] | { [k: string]: Dates };
export const dd = fal.chain("dd", async () => null as unknown as Dates);
type Rest = [Date, ...Date[]];
export const rest = fal.chain("rest", async () => null as unknown as { r: Rest; o: [a: Date, b?: Date]; ro: readonly Date[] });
export async function use2() {
  const r = await rest.start();
  const q: [string, ...string[]] = r.r;
  const o: [a: string, b?: string] = r.o;
  const ro: readonly string[] = r.ro;
  const d = await dd.start();
  const d2: string | unknown[] | { [k: string]: unknown } = d;
}
`;

/** Everything that a program may export, its types inferred. */
export const EXPORTS = `import { createFal, fal, memoryStore } from "fal-chain";
import * as z from "zod";
// clients
export const client = createFal({});
export const { subscribe, queue, storage, runs, calls, files, webhooks, environment, config, costs, withTags, handle, map, step, fallback, branch, chain, endpoint, price, estimate, reconcile, billingEvents, bind, replyHeaders, withRequest, close } = createFal({});
export const store = memoryStore();
export const makeClient = (key: string) => createFal({ credentials: key });
// endpoints
export const Painter = fal.endpoint("acme/painter", { input: z.object({ p: z.string() }), output: z.object({ url: z.string() }) });
// chains
export const poster = fal.chain("poster", async (input: { prompt: string }) => {
  const { data } = await fal.subscribe("fal-ai/flux/schnell", { input });
  return data;
});
export const raw = fal.chain("raw", async (prompt: string) => fal.subscribe("fal-ai/flux/schnell", { input: { prompt } }));
export const none = fal.chain("none", async () => {});
export const made = fal.chain("made", async (input: string) => fal.subscribe(Painter, { input: { p: input } }));
export const mapped = fal.chain("mapped", async (names: string[]) => fal.map(names, (name) => raw.start(name)));
export const collected = fal.chain("collected", async (names: string[]) => fal.map(names, (name) => raw.start(name), { collect: true }));
export const fell = fal.chain("fell", async () => fal.fallback([() => fal.subscribe("fal-ai/esrgan", { input: { image_url: "" } }), () => fal.subscribe("fal-ai/birefnet/v2", { input: { image_url: "" } })]));
export const steps = fal.chain("steps", async (_: unknown, run) => run.step("a", () => ({ at: new Date(), r: run.id })));
export const scoped = fal.chain("scope", (input: string, run) => ({ run: run.id }));
// calls and runs
export const call = fal.subscribe("fal-ai/flux/schnell", { input: { prompt: "a" } });
export const run = poster.start({ prompt: "a" });
export const resumed = poster.resume("a");
export const result = await call;
export const output = await run;
export const total = await run.total;
export const events = run.events();
export const outcome = await call.cancel();
export const submitted = await call.submitted;
export const withResponse = await call.withResponse();
export const settled = await fal.calls.settle("a", "resubmit");
export const collectedCall = fal.calls.collect("x");
export const record = await fal.calls.get("a");
export const records = await fal.calls.list();
export const rescued = await fal.calls.rescue();
export const info = await fal.runs.get("a", "b");
export const infos = await fal.runs.list();
export const runSteps = await fal.runs.steps("a", "b");
export const found = await poster.get("a");
export const numbered = found?.events({ from: 3 });
export const url = found?.output?.images[0].url.trim();
export const prompt: string | undefined = found?.input.prompt;
export const parts = await fal.runs.parts("a", "b");
export const cancelled = await fal.runs.cancel("a", "b");
export const all = await fal.runs.resumeAll();
export const status = await fal.queue.status("a/b", { requestId: "x" });
export const stream = await fal.queue.streamStatus("a/b", { requestId: "x" });
export const sub = await fal.queue.subscribeToStatus("a/b", { requestId: "x" });
export const qresult = await fal.queue.result("fal-ai/esrgan", { requestId: "x" });
export const submit = await fal.queue.submit("fal-ai/esrgan", { input: { image_url: "" } });
export const attached = fal.queue.attach("fal-ai/esrgan", { requestId: "x" });
export const report = await fal.costs();
export const budgets = await fal.budgets();
export const room = await fal.budgets.check({ usd: 1 });
export const thePrice = await fal.price("a/b");
export const theEstimate = await fal.estimate("a/b", {});
export const rec = await fal.reconcile();
export const bill = fal.billingEvents({});
export const env = fal.environment;
export const key = fal.environment.key;
export const origins = fal.environment.origins;
export const identity = fal.environment.identity;
export const runner = fal.environment.runnerState;
export const uploaded = await fal.storage.upload(new Blob([]));
export const file = await fal.files.path("x");
// functions whose type is inferred
export const make = (prompt: string) => fal.subscribe("fal-ai/flux/schnell", { input: { prompt } });
export async function makeAsync(prompt: string) { return fal.subscribe("fal-ai/flux/schnell", { input: { prompt } }); }
export const makeRun = (prompt: string) => poster.start({ prompt });
export const POST = (request: Request) => fal.handle(request, async () => new Response());
export const onRequest = fal.bind((request: Request) => poster.start({ prompt: request.url }));
export const tagged = fal.withTags({ a: 1 }, () => poster.start({ prompt: "" }));
export const hook = (request: Request) => fal.webhooks.handle(request);
export const iterate = async function* () { for await (const event of poster.start({ prompt: "" })) yield event; };
export const iterateCall = async function* () { for await (const event of call) yield event; };
export class Service { readonly fal = createFal({}); readonly poster = poster; run = (p: string) => this.poster.start({ prompt: p }); }
export default poster;
// errors
import { ApiError, AmbiguousSubmitError, RunBlockedError, secrets, readEnvironment, inspectEnvironment, systemClock } from "fal-chain";
export const problem = (e: unknown) => (e instanceof ApiError ? e : undefined);
export const doubt = (e: unknown) => (e instanceof AmbiguousSubmitError ? { verdict: e.verdict, c: e.candidates } : undefined);
export const blocked = (e: unknown) => (e instanceof RunBlockedError ? e.callId : undefined);
export const mySecrets = secrets({ A: z.string() });
export const read = readEnvironment({});
export const findings = inspectEnvironment({});
export const clock = systemClock;
`;

/** The same of the other entry points. */
export const OTHER_ENTRIES = `import { fal } from "fal-chain";
import { sqliteStore } from "fal-chain/sqlite";
import { postgresStore } from "fal-chain/postgres";
import { createQueue, startWorker } from "fal-chain/worker";
import * as hooks from "fal-chain/webhooks";
import * as emulator from "fal-chain/emulator";
import * as terminal from "fal-chain/terminal";
import * as all from "fal-chain";
export const store = sqliteStore("x");
export const pg = postgresStore("postgres://x");
export const queue = createQueue({ fal, url: "x" });
export const worker = await startWorker({ fal, url: "x", chains: [] });
export const enq = await queue.enqueue("a", 1);
export const res = await queue.resume("a", "b");
export const em = emulator.createEmulator({});
export const server = await emulator.serveEmulator({});
export const clock = emulator.virtualClock();
export const jobs = em.jobs; export const received = em.received; export const faults = em.faults; export const history = em.history;
export const job = em.jobs[0]; export const rec = em.received[0];
export { hooks, terminal, all };
export const receive = hooks.receiveWebhook;
export const show = terminal.showRun;
export const everything = { ...all };
export const everyHook = { ...hooks };
export const everyTerm = { ...terminal };
export const everyEm = { ...emulator };
export const { flux } = { flux: emulator.fluxSchnell };
`;
