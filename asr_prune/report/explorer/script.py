"""What moves the page: it fills Bokeh's data sources and the panels, and sorts the table."""

from __future__ import annotations

SCRIPT = r"""
"use strict";
const $ = id => document.getElementById(id);
const read = id => JSON.parse($(id).textContent);
const all = (selector, parent = document) => [...parent.querySelectorAll(selector)];
const column = (rows, value) => rows.map(value);
const dark = matchMedia("(prefers-color-scheme: dark)");
const chart = read("chart-data"), runs = read("run-data"), words = read("word-data");
const series = new Map(chart.series.map(each => [each.name, each]));
const pruned = chart.series.filter(each => each.lines.median.nodes);
const state = {x: "nodes", scale: "log", line: "median", off: new Set(), a: "", b: ""};
const documents = {};

function make(tag, text = "", attributes = {}, ...children) {
  const node = document.createElement(tag);
  node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

async function embed(id, target) {
  await Bokeh.embed.embed_item(read(id), target);
  return Bokeh.documents[Bokeh.documents.length - 1];
}
const fill = (drawn, name, values) => { drawn.get_model_by_name(name).data = values; };
const colourOf = name => series.get(name)[dark.matches ? "dark" : "colour"];
const shown = name => !state.off.has(name);
const compact = Intl.NumberFormat("en", {notation: "compact", maximumSignificantDigits: 3});
const short = value => value >= 1e4 ? compact.format(value) : String(+value.toPrecision(4));

/* runs of several methods at one node count stand side by side */
function place(name, x) {
  if (state.x !== "nodes") return x;
  const rank = pruned.findIndex(each => each.name === name), count = pruned.length;
  return rank < 0 ? x : x * 2 ** (Math.min(.035, .28 / count) * (rank - (count - 1) / 2));
}

function draw() {
  const top = chart.range[1], cost = state.x, clip = y => Math.min(y, top), drawn = documents.main;
  const seen = chart.runs.filter(run => shown(run.series) && run.x[cost] !== null);
  const points = seen.map(run => ({...run, at: place(run.series, run.x[cost]),
    colour: colourOf(run.series)}));
  drawRuns(drawn, points, cost, clip);
  const barred = points.filter(run => run.low !== null && run.low < top && shown("intervals"));
  fill(drawn, "intervals", {x: column(barred, run => run.at), low: column(barred, run => run.low),
    high: column(barred, run => clip(run.high)), colour: column(barred, run => run.colour)});
  const lines = chart.series.filter(each => shown(each.name) && each.lines[state.line][cost]);
  const along = (each, value) => each.lines[state.line][cost].map(value);
  fill(drawn, "lines", {xs: column(lines, each => along(each, ([x]) => place(each.name, x))),
    ys: column(lines, each => along(each, ([, y]) => clip(y))),
    colour: column(lines, each => colourOf(each.name)), dash: column(lines, each => each.dash)});
  const best = shown("front") ? front(seen, cost) : [];
  fill(drawn, "front", {x: column(best, ([x]) => x), y: column(best, ([, y]) => clip(y))});
  drawDense(drawn);
  for (const scale of ["linear", "log"]) {
    const figure = drawn.get_model_by_name(scale);
    figure.visible = scale === state.scale;
    figure.below[0].axis_label = chart.costs[cost];
  }
}

/* the Pareto front of runs: those that no other beats in one and equals in the other */
function front(points, cost) {
  const pairs = points.map(run => [run.x[cost], run.wer]);
  pairs.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let least = Infinity;
  return pairs.filter(([, wer]) => wer < least && (least = wer, true));
}

function drawRuns(drawn, points, cost, clip) {
  const two = value => value.toFixed(2);
  const wer = run => two(run.wer) + " %" + (run.low === null ? "" :
    ` [${two(run.low)}, ${two(run.high)}]`);
  const nodes = run => run.x.nodes === null ? "-" : run.x.nodes.toLocaleString("en") + " nodes";
  fill(drawn, "runs", {x: column(points, run => run.at), y: column(points, run => clip(run.wer)),
    run: column(points, run => run.run), seed: column(points, run => run.seed ?? "-"),
    wer: column(points, wer), size: column(points, nodes),
    cost: column(points, run =>
      cost === "nodes" ? "" : `${short(run.x[cost])} ${chart.costs[cost]}`),
    colour: column(points, run => run.colour), alpha: column(points, run => run.hollow ? 0 : .85),
    marker: column(points, run =>
      clip(run.wer) < run.wer ? "triangle" : series.get(run.series).marker)});
}

function drawDense(drawn) {
  const dense = chart.dense.filter(each => shown(each.series));
  const bands = shown("intervals") ? dense.filter(each => each.low !== null) : [];
  const colour = each => colourOf(each.series);
  fill(drawn, "dense", {y: column(dense, each => each.wer), colour: column(dense, colour),
    dash: column(dense, each => each.dash)});
  fill(drawn, "bands", {low: column(bands, each => each.low),
    high: column(bands, each => each.high), colour: column(bands, colour)});
}

/* a page's address holds what it shows: it can be sent, and survives a reload */
function remember() {
  const kept = new URLSearchParams({x: state.x, scale: state.scale, line: state.line});
  if (state.off.size) kept.set("off", JSON.stringify([...state.off]));
  for (const slot of ["a", "b"]) if (state[slot]) kept.set(slot, state[slot]);
  history.replaceState(null, "", "#" + kept);
}
function recall() {
  const kept = new URLSearchParams(location.hash.slice(1));
  if (kept.get("x") in chart.costs) state.x = kept.get("x");
  if (["linear", "log"].includes(kept.get("scale"))) state.scale = kept.get("scale");
  if (["median", "mean"].includes(kept.get("line"))) state.line = kept.get("line");
  try { state.off = new Set(JSON.parse(kept.get("off") || "[]")); } catch { state.off = new Set(); }
  for (const slot of ["a", "b"]) if (kept.get(slot) in runs) state[slot] = kept.get(slot);
}

function listen() {
  for (const box of all("[name=cost], [name=scale], [name=line]")) {
    const key = box.name === "cost" ? "x" : box.name;
    box.checked = state[key] === box.value;
    box.onchange = () => { state[key] = box.value; draw(); remember(); };
  }
  for (const box of all("[name=series]")) {
    box.checked = shown(box.value);
    box.onchange = () => {
      state.off[box.checked ? "delete" : "add"](box.value);
      draw();
      remember();
    };
  }
  for (const button of all("[data-run]")) button.onclick = () => openRun(button.dataset.run);
  for (const button of all("th button")) button.onclick = () => sortBy(button.parentNode);
  for (const link of all("a[data-from]")) link.href = URL.createObjectURL(
    new Blob([$(link.dataset.from).textContent], {type: link.type}));
  dark.addEventListener("change", repaint);
}

/* numbers by value, text by the alphabet, what is missing last */
function sortBy(head) {
  const up = head.getAttribute("aria-sort") !== "ascending";
  const body = head.closest("table").tBodies[0], at = head.cellIndex;
  for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const key = row => row.cells[at].dataset.value ?? row.cells[at].textContent;
  const numeric = head.dataset.kind === "number";
  const rows = [...body.rows].sort((one, two) => {
    const [a, b] = [key(one), key(two)];
    if (numeric && (a === "" || b === "")) return (a === "") - (b === "");
    return (up ? 1 : -1) * (numeric ? a - b : a.localeCompare(b, "en"));
  });
  body.append(...rows);
}

async function start() {
  recall();
  documents.main = await embed("main-chart", $("chart"));
  draw();
  listen();
  listenToPanels();
  for (const slot of ["a", "b"]) if (state[slot]) await showRun(slot, state[slot]);
  document.documentElement.dataset.ready = Math.round(performance.now());
}
"""
