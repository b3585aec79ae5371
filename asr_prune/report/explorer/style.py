"""How the page looks: light and dark as the reader's system asks, and on paper."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ink: #1f2933; --soft: #55616c; --line: #d9dee3; --tint:
  #f3f5f7;
  --ground: #fff; --accent: #005a8d; --wrong: #a33c00; --right: #00664a; --changed: #ffe9a8;
  --hover: #e8f2f9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaee; --soft: #a9b4be; --line: #3a434c;
  --tint: #20272e; --ground: #161b20; --accent: #7cc0f0; --wrong: #ff9d6b; --right: #5fd6ae;
  --changed: #463908;
  --hover: #243441; } img { filter: invert(.92) hue-rotate(180deg); } }
:root { --bk-background-fill-color: var(--ground); --bk-border-fill-color: var(--ground);
  --bk-outline-line-color: var(--line); --bk-grid-line-color: var(--line); --bk-axis-line-color:
  var(--soft);
  --bk-major-tick-line-color: var(--soft); --bk-minor-tick-line-color: var(--line);
  --bk-axis-label-text-color: var(--ink); --bk-major-label-text-color: var(--ink);
  --bk-text-color: var(--ink); --background-color: var(--ground); --color: var(--ink);
  --divider-color: var(--line); }
body { margin: 0 auto; padding: 2.2rem 1.6rem 4rem; max-width: 1320px; color: var(--ink);
  background: var(--ground);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.4rem 0 .7rem; }
h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
.lead { color: var(--soft); font-size: 1.05rem; margin: 0 0 1.6rem; }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric:
  tabular-nums; }
th, td { padding: .4rem .5rem; text-align: right; white-space: nowrap; border-bottom: 1px solid
  var(--line); }
th { background: var(--tint); font-weight: 600; color: var(--soft); vertical-align: bottom;
  line-height: 1.25; white-space: normal; }
th.left, td.left, .words td, .words th, #changes td, #changes th { text-align: left; }
#changes td, .words td { white-space: normal; }
tr:last-child td { border-bottom: 0; } tr.dense td { background: var(--tint); }
tbody tr:hover td { background: var(--hover); } td.no { color: var(--wrong); font-weight: 600; }
td.command { max-width: 22rem; overflow: hidden; text-overflow: ellipsis; text-align: left; }
button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer;
  text-align: inherit; }
td button, .close { color: var(--accent); text-decoration: underline; }
th[aria-sort=ascending] button::after { content: " \\2191"; } th[aria-sort=descending]
  button::after { content: " \\2193"; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
fieldset { border: 0; padding: 0; margin: 0 0 .5rem; display: flex; flex-wrap: wrap; gap: .2rem
  1.1rem; }
legend { float: left; color: var(--soft); } label { cursor: pointer; }
.mark { color: var(--look); } @media (prefers-color-scheme: dark) { .mark { color:
  var(--look-dark); } }
select { font: inherit; max-width: 100%; }
#panels.two { display: grid; grid-template-columns: 1fr 1fr; gap: 1.2rem; }
.panel { border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin: .8rem 0;
  min-width: 0; }
.panel header { display: flex; justify-content: space-between; gap: 1rem; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: .5rem 1rem;
  font-size: 13px; margin: .8rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
ins { color: var(--wrong); font-weight: 600; text-decoration: none; }
del { color: var(--soft); } .changed { background: var(--changed); }
img { max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 8px; }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: 6px; padding: .6rem
  .8rem;
  white-space: pre-wrap; overflow-wrap: anywhere; margin: .35rem 0 1rem;
  font: 12.5px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
ul { padding-left: 1.2rem; } li { margin: .25rem 0; } summary { cursor: pointer; padding: .3rem 0;
  }
.soft { color: var(--soft); font-size: 13px; } a { color: var(--accent); }
.paper { display: none; }
@media print { body { padding: 0; max-width: none; } .screen { display: none; } .paper { display:
  block; }
  h2, img, tr { break-inside: avoid; } .wide { overflow: visible; border: 0; } th, td { padding:
  .15rem .25rem; }
  table { font-size: 8px; } td.command { white-space: normal; } }
"""
WITHOUT_SCRIPT = ".screen { display: none; } .paper { display: block; }"
