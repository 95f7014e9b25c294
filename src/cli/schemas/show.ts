import { type Row, rowsOf } from "../../schemas/rows.ts";
import { EXIT, type Output, paint, printable, printableJson, writeFieldList } from "../../terminal/index.ts";
import type { Io } from "../cli.ts";
import { catalogFor, findAll } from "./catalog.ts";
import { schemasOf } from "./pull.ts";

/** Draws what an endpoint takes and gives, or prints its OpenAPI document. */
export async function showSchema(
  io: Io,
  given: string,
  { json }: { readonly json?: boolean },
): Promise<number> {
  const entries = await findAll(catalogFor(io), [given]);
  const { stdout } = io;
  for (const [id, { input, output, defs }] of schemasOf(entries)) {
    const entry = entries.get(id);
    if (json) {
      stdout.write(`${printableJson(entry?.document)}\n`);
      continue;
    }
    const facts = [entry?.title, entry?.category].filter(Boolean).map((fact) => printable(fact ?? ""));
    stdout.write(
      `${paint(stdout)("bold", printable(id))}${facts.length > 0 ? `  ${facts.join(", ")}` : ""}\n`,
    );
    stdout.write("\nInput\n");
    writeRows(rowsOf(input, defs, "input"), "input", stdout);
    stdout.write("\nOutput\n");
    writeRows(rowsOf(output, defs, "output"), "output", stdout);
  }
  return EXIT.ok;
}

function writeRows(rows: readonly Row[], side: "input" | "output", output: Output): void {
  if (rows.length === 0) output.write("nothing is said of it\n");
  const facts = rows.map(({ field, type, required, default: filled, about }) => {
    const need = side === "input" ? (required ? "required" : "") : required ? "" : "may be missing";
    const said = [type, need, filled && `default ${filled}`].filter(Boolean).join(", ");
    return [printable(field), about === "" ? said : `${said}. ${about}`] as const;
  });
  writeFieldList(facts, output);
}
