"""What fills the panels of the page: one run, or two side by side."""

from __future__ import annotations

PANEL_SCRIPT = r"""
const embedded = {};

async function openRun(name) {
  await showRun("a", name);
  $("panel-a").scrollIntoView({block: "nearest"});
}

async function showRun(slot, name) {
  state[slot] = name;
  const panel = $("panel-" + slot), run = runs[name];
  panel.hidden = false;
  embedded[slot] ??= embed("panel-charts", panel.querySelector(".charts"));
  documents[slot] = await embedded[slot];
  if (state[slot] !== name) return;  // another run was opened meanwhile
  panel.querySelector("h3").textContent = name;
  panel.querySelector(".facts").replaceChildren(...run.facts.map(([term, value]) =>
    make("div", "", {}, make("dt", term), make("dd", value))));
  const made = `seed ${run.made.seed ?? "-"}, commit ${run.made.commit ?? "-"}`;
  panel.querySelector(".made").replaceChildren(make("span", made), make("pre", run.made.command));
  const confusions = run.confusions.map(([ref, hyp, count]) => `${ref} as ${hyp} (${count})`);
  panel.querySelector(".confusions").textContent =
    confusions.length ? `Most frequent confusions: ${confusions.join(", ")}.` : "";
  fillCharts(documents[slot], run);
  fillWords(panel.querySelector(".words"), name);
  settle();
}

function closeRun(slot) {
  const other = slot === "a" ? state.b : "";
  state[other ? "b" : slot] = "";
  $("panel-" + (other ? "b" : slot)).hidden = true;
  settle();
  if (other) showRun("a", other);
}

function settle() {
  $("panels").classList.toggle("two", Boolean(state.b));
  $("beside").value = state.b;
  compare();
  remember();
}

function fillCharts(drawn, run) {
  fill(drawn, "layers", {layer: run.layers.map((_, i) => i + 1),
    dense: run.layers.map(each => each[0] ?? NaN), kept: run.layers.map(each => each[1])});
  const norms = run.norms ?? {all: [], kept: [], ticks: {}}, bins = [...norms.all.keys()];
  const bar = count => count || NaN, axis = drawn.get_model_by_name("norm_axis");
  fill(drawn, "norms", {left: bins, right: bins.map(bin => bin + 1),
    top: norms.all.map(bar), kept: norms.kept.map(bar)});
  const ticks = Object.entries(norms.ticks).map(([place, label]) => [Number(place), label]);
  axis.ticker.ticks = ticks.map(([place]) => place);
  axis.major_label_overrides = new Map(ticks);
  const curve = key => [key, (run.curves[key] ?? []).map(value => value ?? NaN)];
  fill(drawn, "curves", Object.fromEntries(["epoch", "train_ce", "dev_ce", "nodes"].map(curve)));
  const names = Object.keys(run.speakers), dense = runs[run.dense]?.speakers ?? {};
  drawn.get_model_by_name("speaker_axis").major_label_orientation = names.length > 20 ? "vertical" : .9;
  drawn.get_model_by_name("speaker_range").factors = names;
  fill(drawn, "speakers", {speaker: names, wer: Object.values(run.speakers),
    dense: names.map(name => dense[name] ?? NaN)});
  const epochs = run.curves.epoch ?? [];
  const parts = {layers: run.layers, norms: bins, curves: epochs, speakers: names};
  for (const [part, values] of Object.entries(parts))
    drawn.get_model_by_name(part + "_plot").visible = values.length > 0;
}

const MARKS = "Struck out: words of the reference. Bold: what was recognised."
  + " Marked: where the two runs differ.";

/* what a run recognised of an utterance: the reference words, and its errors by place */
function variant(utterance, name) {
  const found = utterance.v[utterance.i[words.runs.indexOf(name)]];
  return found && {ref: found[0], errors: new Map(found[1])};
}
const wrong = found => found.errors.size > 0;

/* the reference with the errors of a run; places in `changed` are marked */
function sentence(found, changed = new Set()) {
  const line = make("span");
  const put = (tag, text, place) =>
    text && line.append(make(tag, text, changed.has(place) ? {class: "changed"} : {}), " ");
  for (let place = 0; place <= 2 * found.ref.length; place++) {
    const said = place % 2 ? found.ref[(place - 1) / 2] : "";
    put(found.errors.has(place) ? "del" : "span", said, place);
    put("ins", found.errors.get(place), place);
  }
  return line;
}

function row(utterance, ...cells) {
  const head = make("td", utterance.n);
  if (document.documentElement.dataset.served) {
    const button = make("button", "\u25b6 ", {"aria-label": "play " + utterance.n});
    button.onclick = () => new Audio("audio/" + encodeURIComponent(utterance.n)).play();
    head.prepend(button);
  }
  return make("tr", "", {}, head, ...cells.map(cell => make("td", "", {}, cell)));
}

function table(title, heads, rows, open) {
  const cells = ["utterance", ...heads].map(text => make("th", text, {scope: "col"}));
  const head = make("thead", "", {}, make("tr", "", {}, ...cells));
  const body = make("table", "", {}, head, make("tbody", "", {}, ...rows));
  const summary = make("summary", `${title}: ${rows.length}`);
  const shown = rows.length ? [make("div", "", {class: "wide"}, body)] : [];
  return make("details", "", open ? {open: ""} : {}, summary, ...shown);
}

/* a canvas takes the colours of the scheme when it is painted */
function repaint() {
  draw();
  for (const slot of ["a", "b"].filter(name => documents[name]))
    for (const part of ["layers", "norms", "curves", "speakers"])
      documents[slot].get_model_by_name(part + "_plot").change.emit();
}

function fillWords(box, name) {
  const dense = runs[name].dense, both = words.utterances.map(each =>
    [each, variant(each, dense), variant(each, name)]).filter(([, one, two]) => one && two);
  const lost = both.filter(([, one, two]) => !wrong(one) && wrong(two));
  const won = both.filter(([, one, two]) => wrong(one) && !wrong(two));
  box.replaceChildren(...(name === dense || !both.length ? [] : [
    table(`Right in ${dense}, wrong here`, [name], lost.map(([it, , two]) => row(it, sentence(two)))),
    table(`Wrong in ${dense}, right here`, [dense], won.map(([it, one]) => row(it, sentence(one)))),
    ...leftOut()]));
}

const leftOut = () => words.left_out ? [make("p",
  `${words.left_out} more utterances with errors did not fit into this page.`,
  {class: "soft"})] : [];

/* places at which two runs differ; if their references differ, those of all errors */
function changes(one, two) {
  const places = [...new Set([...one.errors.keys(), ...two.errors.keys()])];
  const same = one.ref.join(" ") === two.ref.join(" ");
  return new Set(places.filter(place => !same || one.errors.get(place) !== two.errors.get(place)));
}

function compare() {
  const rows = [], both = state.a && state.b;
  for (const each of both ? words.utterances : []) {
    const one = variant(each, state.a), two = variant(each, state.b);
    const changed = one && two ? changes(one, two) : new Set();
    if (changed.size) rows.push(row(each, sentence(one, changed), sentence(two, changed)));
  }
  const heads = [state.a, state.b];
  $("changes").replaceChildren(...(both ?
    [table("Words that changed", heads, rows, true), make("p", MARKS, {class: "soft"}),
      ...leftOut()] : []));
}

function listenToPanels() {
  const other = $("beside");
  other.onchange = () => other.value ? showRun("b", other.value) : closeRun("b");
  for (const slot of ["a", "b"])
    $("panel-" + slot).querySelector(".close").onclick = () => closeRun(slot);
  document.addEventListener("keydown", event => {
    if (event.key === "Escape" && state.a) closeRun(state.b ? "b" : "a");
  });
}
"""
