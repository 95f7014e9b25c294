import type { Columns } from "./fields.ts";
import { INDEXED, indexed, mended } from "./names.ts";
import { placeholders, type Row, type Statement, type Value, type Work } from "./work.ts";

/** Conditions that all must hold; what is undefined is no condition. */
export type Conditions = Readonly<Record<string, Value | undefined>>;

const storable = (value: Value): Value => (typeof value === "string" ? mended(value) : value);

/** @param otherwise What follows the values, such as what is to be returned. */
export function* insert(table: string, columns: Columns, otherwise = ""): Work<readonly Row[]> {
  const names = Object.keys(columns);
  const sql = `insert into @${table} (${names.join(", ")}) values ${placeholders(1, names.length)} ${otherwise}`;
  return yield { sql, params: Object.values(columns).map(storable) };
}

export function* update(table: string, columns: Columns, where: Conditions): Work<void> {
  const params = Object.values(columns).map(storable);
  const set = Object.keys(columns).map((name, n) => `${name} = $${n + 1}`);
  const condition = allOf(where, params);
  yield { sql: `update @${table} set ${set.join(", ")}${condition}`, params };
}

export function* remove(table: string, where: Conditions): Work<void> {
  const params: Value[] = [];
  const condition = allOf(where, params);
  yield { sql: `delete from @${table}${condition}`, params };
}

/** @param rest What follows the conditions; `for update` locks the rows until the transaction ends. */
export function select(columns: string, table: string, where: Conditions, rest = ""): Statement {
  const params: Value[] = [];
  const condition = allOf(where, params);
  return { sql: `select ${columns} from @${table}${condition} ${rest}`, params };
}

/** `{ "state =": … }` and so on. Adds to the parameters, whose placeholders it names. */
function allOf(where: Conditions, params: Value[]): string {
  const conditions: string[] = [];
  for (const [comparison, value] of Object.entries(where)) {
    if (value === undefined) continue;
    const [column = ""] = comparison.split(" ");
    params.push(typeof value === "string" && INDEXED.has(column) ? indexed(value) : storable(value));
    conditions.push(`${comparison} $${params.length}`);
  }
  return conditions.length > 0 ? ` where ${conditions.join(" and ")}` : "";
}
