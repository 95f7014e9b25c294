// The picture of the folders, drawn from the rules that the imports are checked by.

/** A folder (or file) of src, and what else of src it may import. */
export type ImportTable = ReadonlyMap<string, readonly string[]>;

interface Rule {
  readonly name: string;
  readonly to: { readonly pathNot?: readonly string[] };
}

const RULE = "direction-of-";

/** Reads the table back from the rules that were made of it. */
export function importTable(rules: readonly Rule[]): ImportTable {
  const plain = (pattern: string) => pattern.replace("^src/", "").replaceAll("\\", "").replace(/[/$]$/, "");
  return new Map(
    rules
      .filter(({ name }) => name.startsWith(RULE))
      .map(({ name, to }): [string, readonly string[]] => {
        const own = name.slice(RULE.length);
        return [own, (to.pathNot ?? []).map(plain).filter((other) => other !== own)];
      }),
  );
}

/** What all folders may stand on; a folder's own list leaves them out. */
const GROUND = ["base", "errors", "money", "journal"];
/** These put the client together, of all that the first one may import. */
const ASSEMBLY = ["index.ts", "client.ts", "assemble.ts", "fal.ts"];

const BOX = 174;
/** Characters of a line in a box. */
const MOST = 24;
const GAP = 16;
const BETWEEN = 46;
const PAD = 22;
const LINE = 13;

interface Box {
  readonly name: string;
  readonly purpose: readonly string[];
  readonly imports: readonly string[];
  readonly rank: number;
  x: number;
  y: number;
  readonly height: number;
}

type Edges = readonly (readonly [string, string])[];

/** @param purposes What each folder is, in a few words. */
export function drawPicture(table: ImportTable, purposes: ReadonlyMap<string, string>): string {
  const { boxes, edges } = foldersOf(table, purposes);
  const isOfClient = ({ name }: Box) => table.get("client.ts")?.includes(name) ?? false;
  const { clientWidth, width } = placeColumns(boxes, edges, isOfClient);
  const top = Math.max(...boxes.filter(isOfClient).map(({ rank }) => rank)) + 1;
  const { tops, bottom } = placeRows(boxes, top);

  const clientY = tops[top] ?? 0;
  const assembled = ASSEMBLY.map((name) => boxOf(name, purposes.get(name), saidOfAssembly(table, name), top));
  const assembly = band(assembled, PAD * 2, clientY, clientWidth);
  const groundY = bottom + 32;
  const stones = GROUND.map((name) => boxOf(name, purposes.get(name), table.get(name) ?? [], 0));
  const ground = band(stones, PAD * 2, groundY, width - PAD * 4);
  const groundHeight = Math.max(...stones.map(({ height }) => height));
  const height = groundY + groundHeight + PAD * 2;
  const byName = new Map(boxes.map((box) => [box.name, box]));

  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(width)} ${round(height)}" font-family="ui-sans-serif, system-ui, sans-serif">`,
    "<title>The folders of src, and what each may import</title>",
    STYLE,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    text(PAD, PAD * 2, "note", KEY),
    frame(PAD, clientY - PAD - 4, clientWidth + PAD * 2, groundY - 44 - clientY + PAD),
    frame(PAD, groundY - 32, width - PAD * 2, groundHeight + 32 + PAD),
    text(PAD * 2, groundY - 14, "note", GROUND_NOTE),
    text(PAD * 2, clientY - 10, "note", "The client"),
    ...edges.map(([from, to]) => arrow(byName.get(from), byName.get(to))),
    ...assembly,
    ...boxes.map((box) => drawn(box, BOX)),
    ...ground,
    "</svg>",
  ]
    .filter((part) => part !== "")
    .join("\n")}\n`;
}

const KEY = "In blue: all that a folder may import. An arrow that follows from others is left out.";
const GROUND_NOTE = "The ground: every folder above may import these, unless it says otherwise.";

/** The folders between the ground and the files that put the client together, and the arrows between them. */
function foldersOf(
  table: ImportTable,
  purposes: ReadonlyMap<string, string>,
): { boxes: Box[]; edges: Edges } {
  const names = [...table.keys()].filter((name) => !GROUND.includes(name) && !ASSEMBLY.includes(name));
  // The files that put the client together are one layer.
  const above = (name: string) =>
    (table.get(name) ?? []).filter(
      (other) => !GROUND.includes(other) && !(ASSEMBLY.includes(name) && ASSEMBLY.includes(other)),
    );
  const missing = above("client.ts").filter((name) => !names.includes(name));
  if (missing.length > 0) throw new Error(`client.ts may import ${missing}, which has no row`);
  return {
    boxes: names.map((name) => boxOf(name, purposes.get(name), said(table, name), rankOf(name, above))),
    edges: names.flatMap((from) =>
      reduced(from, above).flatMap((to) =>
        names.includes(folderOf(to)) ? [[from, folderOf(to)] as const] : [],
      ),
    ),
  };
}

/** The client on the left, what is beside it on the right. */
function placeColumns(boxes: readonly Box[], edges: Edges, isOfClient: (box: Box) => boolean) {
  const beside = boxes.filter((box) => !isOfClient(box));
  // Where an arrow passes by others it goes to a column of its own.
  const importersOf = ({ name }: Box) =>
    beside.filter((box) => edges.some(([from, to]) => from === box.name && to === name));
  const isFar = (box: Box): boolean =>
    importersOf(box).some((importer) => importer.rank > box.rank + 1 || isFar(importer));
  const place = (group: readonly Box[], left: number): number => {
    const rows = [...Map.groupBy(group, ({ rank }) => rank).values()];
    const width = Math.max(...rows.map((row) => row.length)) * (BOX + GAP) - GAP;
    arrange(rows, edges, left, width);
    return width;
  };
  const clientWidth = place(boxes.filter(isOfClient), PAD * 2);
  let right = PAD * 4 + clientWidth;
  for (const group of [beside.filter((box) => !isFar(box)), beside.filter(isFar)]) {
    if (group.length > 0) right += GAP + place(group, right + GAP);
  }
  return { clientWidth, width: right + PAD };
}

/** The higher the rank, the higher up. @param top The rank of the files that put the client together. */
function placeRows(boxes: readonly Box[], top: number): { tops: readonly number[]; bottom: number } {
  const tops: number[] = [];
  let y = PAD * 2;
  for (let rank = Math.max(top, ...boxes.map((box) => box.rank)); rank >= 0; rank--) {
    tops[rank] = y;
    const row = boxes.filter((box) => box.rank === rank);
    for (const box of row) box.y = y;
    y += Math.max(...row.map(({ height }) => height), rank === top ? 80 : 0) + BETWEEN;
  }
  return { tops, bottom: y };
}

/** Boxes side by side, as wide as there is room for. */
function band(boxes: readonly Box[], x: number, y: number, width: number): string[] {
  const step = (width + GAP) / boxes.length;
  return boxes.map((box, index) => drawn({ ...box, x: x + index * step, y }, step - GAP));
}

const frame = (x: number, y: number, width: number, height: number): string =>
  `<rect class="frame" x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="10"/>`;

/** What the files that put the client together may import: all of its folders, which is said and not drawn. */
function saidOfAssembly(table: ImportTable, name: string): string[] {
  const folders = (table.get("client.ts") ?? []).filter((other) => !ASSEMBLY.includes(other));
  const others = table.get(name) ?? [];
  const left = folders.filter((folder) => !others.includes(folder));
  const files = others.filter((other) => !folders.includes(other));
  return [`all of the client${left.length > 0 ? ` but ${left.join(", ")}` : ""}`, ...files];
}

/** What a box says that it may import: where it is not the whole ground, what of it. */
function said(table: ImportTable, name: string): string[] {
  const others = table.get(name) ?? [];
  const ground = GROUND.filter((part) => others.includes(part));
  const rest = others.filter((other) => !GROUND.includes(other));
  return ground.length === GROUND.length
    ? rest
    : [...rest, `of the ground: ${ground.join(", ") || "nothing"}`];
}

/** `report/index.ts` is a file of the folder report. */
const folderOf = (name: string): string => name.split("/")[0] ?? name;

function rankOf(name: string, above: (name: string) => string[], seen: readonly string[] = []): number {
  if (seen.includes(name)) throw new Error(`a cycle: ${[...seen, name].join(" → ")}`);
  const ranks = above(name).map((other) => rankOf(folderOf(other), above, [...seen, name]) + 1);
  return Math.max(0, ...ranks);
}

/** Those that do not follow from others: an arrow to a folder that is reached through another one is left out. */
function reduced(from: string, above: (name: string) => string[]): string[] {
  const reached = (name: string): string[] =>
    above(name).flatMap((other) => [folderOf(other), ...reached(folderOf(other))]);
  const direct = above(from);
  const through = new Set(direct.flatMap((other) => reached(folderOf(other))));
  return direct.filter((other) => !through.has(folderOf(other)));
}

/** Puts each box near those that it is joined with, a few times over. */
function arrange(
  rows: readonly Box[][],
  edges: readonly (readonly [string, string])[],
  left: number,
  width: number,
) {
  const byName = new Map(rows.flat().map((box) => [box.name, box]));
  for (const row of rows) spread(row, left, width);
  for (let round = 0; round < 8; round++) {
    for (const row of round % 2 === 0 ? rows : rows.toReversed()) {
      const wish = new Map(
        row.map((box) => {
          const near = edges.flatMap(([from, to]) =>
            from === box.name ? (byName.get(to) ?? []) : to === box.name ? (byName.get(from) ?? []) : [],
          );
          const mean = near.reduce((sum, { x }) => sum + x, 0) / near.length;
          return [box, near.length > 0 ? mean : box.x];
        }),
      );
      row.sort((a, b) => (wish.get(a) ?? 0) - (wish.get(b) ?? 0));
      for (const box of row) box.x = wish.get(box) ?? box.x;
      spread(row, left, width);
    }
  }
}

/** Keeps boxes apart and within their column. */
function spread(row: readonly Box[], left: number, width: number): void {
  let from = left;
  for (const box of row) {
    box.x = Math.max(box.x, from);
    from = box.x + BOX + GAP;
  }
  let until = left + width;
  for (const box of row.toReversed()) {
    box.x = Math.min(box.x, until - BOX);
    until = box.x - GAP;
  }
}

function boxOf(name: string, purpose = "", imports: readonly string[], rank: number): Box {
  const lines = wrapped(purpose);
  const arrows = imports.length > 0 ? wrapped(`→ ${imports.join(", ")}`) : [];
  const height = 26 + (lines.length + arrows.length) * LINE + 8;
  return { name, purpose: lines, imports: arrows, rank, x: 0, y: 0, height };
}

function wrapped(words: string): string[] {
  const lines: string[] = [];
  for (const word of words.split(" ").filter(Boolean)) {
    const last = lines.at(-1);
    if (last !== undefined && `${last} ${word}`.length <= MOST) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

const round = (n: number): number => Math.round(n * 10) / 10;

const text = (x: number, y: number, kind: string, words: string): string =>
  words === "" ? "" : `<text class="${kind}" x="${round(x)}" y="${round(y)}">${words}</text>`;

function drawn({ name, purpose, imports, x, y, height }: Box, width: number): string {
  const small = [...purpose.map((line) => ["purpose", line]), ...imports.map((line) => ["imports", line])];
  const lines = [
    text(x + 10, y + 19, "name", name),
    ...small.map(([kind = "", line = ""], index) => text(x + 10, y + 34 + index * LINE, kind, line)),
  ];
  return [
    `<rect class="box" x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${height}" rx="6"/>`,
    ...lines,
  ].join("\n");
}

function arrow(from: Box | undefined, to: Box | undefined): string {
  if (!from || !to) return "";
  const [x2, y2] = [to.x + BOX / 2, to.y - 5];
  // Far down on the right: out of its side and past what is in between.
  if (from.rank > to.rank + 1 && to.x > from.x + BOX) {
    const [x1, y1] = [from.x + BOX, from.y + from.height / 2];
    return `<path class="arrow" d="M${[x1, y1].map(round)} C${[x2, y1, x2, y1, x2, y1 + 120].map(round)} L${[x2, y2].map(round)}"/>`;
  }
  const [x1, y1] = [from.x + BOX / 2, from.y + from.height];
  const bend = Math.min(60, (y2 - y1) / 2);
  return `<path class="arrow" d="M${[x1, y1].map(round)} C${[x1, y1 + bend, x2, y2 - bend, x2, y2].map(round)}"/>`;
}

const STYLE = `<style>
.frame { fill: #f6f8fa; stroke: #d0d7de; }
.box { fill: #fff; stroke: #57606a; }
.name { font-size: 14px; font-weight: 600; fill: #1f2328; }
.purpose { font-size: 11px; fill: #424a53; }
.imports { font-size: 11px; fill: #0550ae; }
.note { font-size: 12px; fill: #57606a; }
.arrow { fill: none; stroke: #8c959f; stroke-width: 1.3; marker-end: url(#head); }
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#8c959f"/></marker></defs>`;
