import { escapedControls } from "../base/text.ts";
import type { Limits, Schema } from "./schema.ts";

/** More of a description than is read in an editor. */
const LONGEST = 240;

/** What is worth reading of a field: what it is, its limits, what fal puts where it is left out. */
export function docstringOf(schema: Schema, name: string): string | undefined {
  const said = [aboutOf(schema, name), limitsText(schema), defaultText(schema)].filter((text) => text !== "");
  // It would end the comment.
  return said.length === 0 ? undefined : `/** ${said.join(" ").replaceAll("*/", "*\\/")} */`;
}

/** The description, or a title that says more than the name does. */
export function aboutOf({ title = "", description = "" }: Schema, name: string): string {
  const text = oneLine(description) || (letters(title) === letters(name) ? "" : oneLine(title));
  if (text === "") return "";
  const cut = text.length <= LONGEST ? text : shortened(text);
  return /[.!?…:)]$/.test(cut) ? cut : `${cut}.`;
}

const oneLine = (text: string): string => escapedControls(text).replace(/\s+/g, " ").trim();
const letters = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, "");

/** As many whole sentences as there is room for, or as many words. */
function shortened(text: string): string {
  const room = text.slice(0, LONGEST);
  const sentence = /^.*[.!?](?= )/.exec(room)?.[0];
  return sentence !== undefined && sentence.length > LONGEST / 3
    ? sentence
    : `${room.replace(/\s*\S*$/, "")}…`;
}

/** `1 to 12.`, `At most 5000 characters.` */
export function limitsText(schema: Schema): string {
  const own = ownLimits(schema);
  const said = own === "" ? (schema.anyOf ?? []).map(ownLimits).find((text) => text !== "") : own;
  return said ? `${said.charAt(0).toUpperCase()}${said.slice(1)}.` : "";
}

function ownLimits(limits: Limits): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = limits;
  const isRange = minimum !== undefined && maximum !== undefined;
  return [
    isRange ? `${minimum} to ${maximum}` : bound("at least", minimum),
    bound("more than", exclusiveMinimum),
    isRange ? "" : bound("at most", maximum),
    bound("less than", exclusiveMaximum),
    bound("a multiple of", multipleOf),
    between(limits.minLength, limits.maxLength, "characters"),
    between(limits.minItems, limits.maxItems, "items"),
  ]
    .filter(Boolean)
    .join(", ");
}

const bound = (words: string, value: number | undefined): string =>
  value === undefined ? "" : `${words} ${value}`;

function between(least: number | undefined, most: number | undefined, of: string): string {
  if (least !== undefined && most !== undefined)
    return least === most ? `${least} ${of}` : `${least} to ${most} ${of}`;
  if (most !== undefined) return `at most ${most} ${of}`;
  // What cannot be empty is expected to be something.
  return least !== undefined && least > 1 ? `at least ${least} ${of}` : "";
}

const LONGEST_DEFAULT = 120;

function defaultText(schema: Schema): string {
  // That nothing is put there is what a field that can be left out says already.
  if (schema.default === undefined || schema.default === null) return "";
  const text = oneLine(JSON.stringify(schema.default));
  return `@default ${text.length <= LONGEST_DEFAULT ? text : `${text.slice(0, LONGEST_DEFAULT)}…`}`;
}
