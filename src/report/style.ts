import { Html } from "./html.ts";

/** Light and dark as the reader's system is, and one column or many as there is room. */
export const STYLE = new Html(`
:root { color-scheme: light dark; --back: #fff; --card: #f5f5f3; --text: #1c1c1a; --dim: #686860; --line: #dcdcd6;
  --c0: #2f6fb5; --c1: #d97a1d; --c2: #3b8f5c; --c3: #b8455c; --c4: #7a5fb0; --c5: #8a7430; --others: #a3a39b;
  --waiting: #c9d8e8; --failing: #c43d3d; }
@media (prefers-color-scheme: dark) { :root { --back: #161615; --card: #21211f; --text: #ecece6; --dim: #a2a299;
  --line: #383834; --c0: #6aa5e6; --c1: #eda155; --c2: #6cc08c; --c3: #e5788e; --c4: #a891dd; --c5: #c9b061;
  --others: #77776f; --waiting: #33465a; --failing: #ee6c6c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 66rem; padding: 1.5rem 1rem 4rem; background: var(--back); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.5rem 0 0.75rem; }
header p, .note { color: var(--dim); margin: 0.25rem 0 1.25rem; }
code { font: 0.92em ui-monospace, monospace; overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.4rem, 1fr)); gap: 0.75rem; margin: 0; }
.cards div { background: var(--card); border-radius: 0.5rem; padding: 0.75rem 0.9rem; }
dt { color: var(--dim); font-size: 0.85rem; } dd { margin: 0; font-size: 1.15rem; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
dd small { display: block; font-size: 0.8rem; color: var(--dim); }
figure { margin: 0; } svg { width: 100%; height: auto; display: block; font: 12px system-ui, sans-serif; }
svg text { fill: var(--dim); } .grid line { stroke: var(--line); } .grid .cut { stroke: var(--dim); stroke-dasharray: 3 3; } .end { text-anchor: end; text-align: right; }
.middle { text-anchor: middle; } .wide { display: none; }
@media (min-width: 48rem) { .wide { display: block; } .narrow { display: none; } }
.legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; list-style: none; margin: 0 0 0.5rem; padding: 0;
  color: var(--dim); font-size: 0.87rem; overflow-wrap: anywhere; }
.legend i { display: inline-block; width: 0.75em; height: 0.75em; border-radius: 2px; margin-right: 0.4em; }
.scroll { overflow-x: auto; margin-bottom: 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 0.92rem; }
th, td { padding: 0.35rem 0.6rem; max-width: 22rem; overflow: hidden; text-overflow: ellipsis; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--dim); font-weight: 500; } th.end, td.end { text-align: right; }
@media (max-width: 48rem) { th, td { max-width: 9rem; } }
tfoot td { font-weight: 600; border-bottom: 0; } .scope td { color: var(--dim); }
.share { position: relative; min-width: 5rem; }
.share i { position: absolute; inset: auto auto 3px 0; height: 3px; background: var(--c0); border-radius: 2px; }
.waiting { fill: var(--waiting); background: var(--waiting); } .failing { fill: var(--failing); background: var(--failing); }
.s-others { fill: var(--others); background: var(--others); }
${[0, 1, 2, 3, 4, 5, 6].map((n) => `.s${n} { fill: var(--c${n % 6}); background: var(--c${n % 6}); }`).join("\n")}
.s6 { opacity: 0.55; }
`);
