import { type EndpointSchema, isAnything, type Json, type Limits, resolved, type Schema } from "./schema.ts";

/** What is other than it was at a place of an input or output. */
export interface Change {
  /** `input.image_size.width` */
  readonly at: string;
  readonly what: string;
  /** Whether code that was right before is not any more. */
  readonly breaks: boolean;
}

type Defs = EndpointSchema["defs"];
/** Narrower: less is taken, or less can come. Breaking is the one for inputs, the other for outputs. */
type Way = "narrower" | "wider" | "same";

interface Place {
  readonly at: string;
  readonly side: "input" | "output";
  readonly defs: readonly [was: Defs, is: Defs];
  /** Pairs of definitions that are being compared. */
  readonly above: ReadonlySet<string>;
  readonly say: (change: Change) => void;
}

/** What fal has changed of an endpoint, and whether that breaks who calls it. */
export function changesBetween(was: EndpointSchema, is: EndpointSchema): Change[] {
  const changes: Change[] = [];
  for (const side of ["input", "output"] as const) {
    const above = new Set<string>();
    const say = (change: Change) => changes.push(change);
    compare(was[side], is[side], { at: side, side, defs: [was.defs, is.defs], above, say });
  }
  return changes;
}

function note({ at, side, say }: Place, way: Way, what: string): void {
  say({ at, what, breaks: way === (side === "input" ? "narrower" : "wider") });
}

/** What matters to values, and not to types: an output that is longer, or has another word in it, breaks nothing. */
const noteValue = (place: Place, way: Way, what: string): void =>
  note(place, place.side === "output" ? "same" : way, what);

function compare(was: Schema, is: Schema, place: Place): void {
  if (place.side === "input" && !equal(was.default, is.default)) {
    note(place, "same", `has the default ${shown(is.default)}, not ${shown(was.default)}`);
  }
  const pair = `${was.$ref ?? ""} ${is.$ref ?? ""}`;
  if (was.$ref !== undefined && is.$ref !== undefined && place.above.has(pair)) return;
  const inner: Place = { ...place, above: new Set([...place.above, pair]) };
  const [before, after] = [kindsOf(was, place.defs[0]), kindsOf(is, place.defs[1])];
  if (!before || !after) {
    if (before) note(place, "wider", "can be anything now");
    if (after) note(place, "narrower", `is ${[...after.keys()].join(" or ")} now, and no longer anything`);
    return;
  }
  for (const [kind, parts] of before) {
    const now = after.get(kind);
    if (!now) note(place, "narrower", `is no ${kind} any more`);
    else compareParts(parts, now, inner);
  }
  for (const kind of after.keys()) if (!before.has(kind)) note(place, "wider", `may be ${kind} now`);
}

function compareParts(was: readonly Schema[], is: readonly Schema[], place: Place): void {
  was.forEach((part, n) => {
    const now = is[n];
    if (!now) note(place, "narrower", `has one ${part.type} less to choose from`);
    else compareKind(part, now, place);
  });
  if (is.length > was.length) note(place, "wider", `has one ${is[0]?.type} more to choose from`);
}

/** Its alternatives, by what they are to JSON; undefined for anything. */
function kindsOf(schema: Schema, defs: Defs): Map<string, Schema[]> | undefined {
  const parts = alternatives(schema, defs);
  if (parts.some(isAnything)) return undefined;
  const kinds = new Map<string, Schema[]>();
  for (const part of parts) {
    const kind = part.type === "integer" ? "number" : (part.type ?? "value");
    kinds.set(kind, [...(kinds.get(kind) ?? []), part]);
  }
  return kinds;
}

function alternatives(schema: Schema, defs: Defs, depth = 0): Schema[] {
  const own = resolved(schema, defs);
  return depth > 20 ? [{}] : (own.anyOf?.flatMap((part) => alternatives(part, defs, depth + 1)) ?? [own]);
}

function compareKind(was: Schema, is: Schema, place: Place): void {
  compareValues(was.enum, is.enum, place);
  compareLimits(was, is, place);
  if (was.type === "integer" && is.type === "number") note(place, "wider", "may be a fraction now");
  if (was.type === "number" && is.type === "integer") note(place, "narrower", "is a whole number now");
  if (was.type === "array") compareArrays(was, is, place);
  if (was.type === "object") compareObjects(was, is, place);
}

function compareValues(was: Schema["enum"], is: Schema["enum"], place: Place): void {
  if (!was && is) note(place, "narrower", `is one of ${listed(is)} now`);
  if (was && !is) noteValue(place, "wider", "may be any value now");
  if (!was || !is) return;
  const gone = was.filter((value) => !is.some((other) => equal(value, other)));
  const added = is.filter((value) => !was.some((other) => equal(value, other)));
  if (gone.length > 0) note(place, "narrower", `no longer has ${listed(gone)}`);
  if (added.length > 0) noteValue(place, "wider", `has ${listed(added)} too`);
}

const LOWER: readonly (keyof Limits)[] = ["minimum", "exclusiveMinimum", "minLength", "minItems"];
const UPPER: readonly (keyof Limits)[] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems"];
const OTHER: readonly (keyof Limits)[] = ["multipleOf", "pattern", "format"];

function compareLimits(was: Schema, is: Schema, place: Place): void {
  for (const name of [...LOWER, ...UPPER, ...OTHER]) {
    const [before, after] = [was[name], is[name]];
    if (before === after) continue;
    const raised = Number(after) > Number(before);
    const isTighter = before === undefined || OTHER.includes(name) || raised === LOWER.includes(name);
    const way = after === undefined ? "wider" : isTighter ? "narrower" : "wider";
    noteValue(place, way, `has ${name} ${shown(after)}, not ${shown(before)}`);
  }
}

function compareArrays(was: Schema, is: Schema, place: Place): void {
  const item = { ...place, at: `${place.at}[]` };
  compare(was.items ?? {}, is.items ?? {}, item);
  const [before, after] = [was.prefixItems ?? [], is.prefixItems ?? []];
  for (let n = 0; n < Math.max(before.length, after.length); n++) {
    compare(before[n] ?? was.items ?? {}, after[n] ?? is.items ?? {}, { ...place, at: `${place.at}[${n}]` });
  }
}

function compareObjects(was: Schema, is: Schema, place: Place): void {
  const [before, after] = [was.properties ?? {}, is.properties ?? {}];
  for (const [name, field] of Object.entries(before)) {
    const here = { ...place, at: `${place.at}.${name}` };
    const now = after[name];
    if (!now) {
      here.say({
        at: here.at,
        what: place.side === "input" ? "is gone: fal ignores it" : "is gone",
        breaks: true,
      });
      continue;
    }
    const [needed, needs] = [isRequired(was, name), isRequired(is, name)];
    if (!needed && needs)
      note(here, "narrower", place.side === "input" ? "is required now" : "is always there now");
    if (needed && !needs)
      note(here, "wider", place.side === "input" ? "can be left out now" : "may be missing now");
    compare(field, now, here);
  }
  for (const name of Object.keys(after)) {
    if (name in before) continue;
    const isNeeded = isRequired(is, name) && place.side === "input";
    place.say({
      at: `${place.at}.${name}`,
      what: isNeeded ? "is new, and required" : "is new",
      breaks: isNeeded,
    });
  }
  const [rest, restNow] = [was.additionalProperties, is.additionalProperties];
  if (rest && restNow) compare(rest, restNow, { ...place, at: `${place.at}.*` });
  else if (rest !== false && restNow === false) note(place, "narrower", "takes no other fields any more");
}

const isRequired = ({ required = [] }: Schema, name: string): boolean => required.includes(name);

const equal = (a: Json | undefined, b: Json | undefined): boolean => JSON.stringify(a) === JSON.stringify(b);

const shown = (value: Json | undefined): string => (value === undefined ? "none" : JSON.stringify(value));

const MOST = 8;
const listed = (values: readonly Json[]): string =>
  `${values.slice(0, MOST).map(shown).join(", ")}${values.length > MOST ? ` and ${values.length - MOST} more` : ""}`;
