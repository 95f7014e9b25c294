import { parseOwn } from "../../base/json.ts";
import { indexed, isShortened } from "./names.ts";
import type { Row, Value } from "./work.ts";

/**
 * How fields are kept in columns, and read from them. A row may have been written by hand, by another program or by a newer
 * version: one that is odd hides no other.
 */

export type Columns = Record<string, Value>;

/** A field, which may be kept in several columns so that a database can look for parts of it. */
export interface Field<T> {
  /** What is undefined is null. */
  write(value: T): Columns;
  /** @param lost Told of a column that holds what cannot be there; the field then reads as if little were known. */
  read(row: Row, lost: Lost): T;
}

export type Lost = (column: string) => void;

/** A field that is kept in one. */
export interface Column<T> extends Field<T> {
  readonly column: string;
}

export type Fields<R> = { readonly [F in keyof R]-?: Field<R[F]> };

/** @param isOne Whether a value can be there. @param otherwise What is read where it cannot. */
const column = <T extends Value | undefined>(
  column: string,
  isOne: (value: Value | undefined) => boolean,
  otherwise: T,
): Column<T> => ({
  column,
  write: (value) => ({ [column]: value ?? null }),
  read: (row, lost) => {
    const value = row[column] ?? undefined;
    if (isOne(value)) return value as T;
    lost(column);
    return otherwise;
  },
});

const isText = (value: Value | undefined): boolean => typeof value === "string";
/** As far from zero as a date can be, in milliseconds. */
const FARTHEST = 8.64e15;
const isNumber = (value: Value | undefined): boolean =>
  typeof value === "number" && Math.abs(value) <= FARTHEST;
const orNone =
  (isOne: (value: Value | undefined) => boolean) =>
  (value: Value | undefined): boolean =>
    value === undefined || isOne(value);

export const text = (name: string): Column<string> => column(name, isText, "");
export const number = (name: string): Column<number> => column(name, isNumber, 0);
export const optionalText = <T extends string = string>(name: string): Column<T | undefined> =>
  column<T | undefined>(name, orNone(isText), undefined);
export const optionalNumber = (name: string): Column<number | undefined> =>
  column<number | undefined>(name, orNone(isNumber), undefined);
export const oneOf = <T extends string>(name: string, all: readonly T[], otherwise: T): Column<T> =>
  column<T>(name, (value) => all.includes(value as T), otherwise);

/** The column that has the whole of a name that is too long for an index. */
export const longOf = (column: string): string => `${column}_long`;

/** A name that is found by an index: the whole of a long one is kept beside what that holds. */
const indexedText = <T extends string | undefined>(
  column: string,
  isOne: (value: Value | undefined) => boolean,
  otherwise: T,
): Column<T> => ({
  column,
  write(value) {
    if (value === undefined) return { [column]: null };
    const held = indexed(value);
    return isShortened(held) ? { [column]: held, [longOf(column)]: value } : { [column]: held };
  },
  read(row, lost) {
    const held = row[column] ?? undefined;
    const isShort = typeof held === "string" && isShortened(held);
    const whole = isShort ? (row[longOf(column)] ?? undefined) : held;
    if (isOne(whole) && !(isShort && whole === undefined)) return whole as T;
    lost(column);
    return (typeof held === "string" ? held : otherwise) as T;
  },
});

export const name = (column: string): Column<string> => indexedText(column, isText, "");
export const optionalName = (column: string): Column<string | undefined> =>
  indexedText<string | undefined>(column, orNone(isText), undefined);

/** @param isOne Whether JSON is one of these. @param otherwise What is read where it is not, or is no JSON. */
export const json = <T>(
  column: string,
  isOne: (value: unknown) => boolean,
  otherwise: (row: Row) => T,
): Column<T> => ({
  column,
  write: (value) => ({ [column]: value === undefined ? null : JSON.stringify(value) }),
  read: (row, lost) => {
    const text = row[column] ?? undefined;
    if (text === undefined && isOne(undefined)) return undefined as T;
    const value = parsed(text);
    if (value !== undefined && isOne(value)) return value as T;
    lost(column);
    return otherwise(row);
  },
});

export function parsed(text: Value | undefined): unknown {
  try {
    return typeof text === "string" ? parseOwn(text) : undefined;
  } catch {
    return undefined;
  }
}

type Plain = Readonly<Record<string, unknown>>;
export const isPlain = (value: unknown): value is Plain =>
  typeof value === "object" && value !== null && !Array.isArray(value);
export const isNone = (value: unknown): boolean => value === undefined;
export const isTexts = (value: unknown): boolean =>
  isPlain(value) && Object.values(value).every((item) => typeof item === "string");

/** The same, with columns that repeat parts of it. They are written only. */
export const withParts = <T>(field: Field<T>, parts: (value: T) => Columns): Field<T> => ({
  write: (value) => ({ ...field.write(value), ...parts(value) }),
  read: field.read,
});

/** A field that is a record itself. */
export const record = <R extends object>(fields: Fields<R>): Field<R> => ({
  write: (value) => columnsOf(fields, value),
  read: (row, lost) => recordOf(fields, row, lost),
});

export function columnsOf<R extends object>(fields: Fields<R>, some: Partial<R>): Columns {
  const columns: Columns = {};
  for (const name of Object.keys(some) as (keyof R)[]) {
    Object.assign(columns, fields[name].write(some[name] as R[keyof R]));
  }
  return columns;
}

export function recordOf<R extends object>(fields: Fields<R>, row: Row, lost: Lost): R {
  const record: Partial<R> = {};
  for (const name of Object.keys(fields) as (keyof R)[]) record[name] = fields[name].read(row, lost);
  return record as R;
}

/** A record, and what of it could not be read. */
export function readWhole<R extends object>(
  fields: Fields<R>,
  row: Row,
): R & { readonly unreadable?: readonly string[] } {
  const lost = new Set<string>();
  const record = recordOf(fields, row, (column) => lost.add(column));
  return lost.size > 0 ? { ...record, unreadable: [...lost] } : record;
}
