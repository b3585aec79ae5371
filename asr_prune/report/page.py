"""The report as one page that needs no other file."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from asr_prune.report.cells import COLUMNS, LEGEND, Column, interval, layers
from asr_prune.report.rows import Row, Run, is_dense, number
from asr_prune.report.series import median_run

STYLE = """
:root { color-scheme: light; --ink: #1f2933; --soft: #5f6b76; --line: #e3e7eb; --tint: #f6f8fa; --accent: #0072B2; }
body { margin: 0 auto; padding: 2.2rem 1.6rem 4rem; max-width: 1320px; color: var(--ink); background: #fff;
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.4rem 0 .7rem; }
.lead { color: var(--soft); font-size: 1.05rem; margin: 0 0 1.6rem; }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .5rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { background: var(--tint); font-weight: 600; color: var(--soft); vertical-align: bottom; line-height: 1.25;
  white-space: normal; }
th.left, td.left { text-align: left; } tr:last-child td { border-bottom: 0; } tr.dense td { background: #fbfaf3; }
tbody tr:hover td { background: #eef5fa; } td.no { color: #b34700; font-weight: 600; }
img { max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 8px; }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .8rem;
  white-space: pre-wrap;
  overflow-wrap: anywhere; font: 12.5px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; margin: .35rem 0 1rem; }
ul { padding-left: 1.2rem; } li { margin: .25rem 0; }
.soft { color: var(--soft); font-size: 13px; } a { color: var(--accent); }
"""

READING = (
    "Each point of the first picture is one run: one network trained, pruned, made smaller, decoded and scored."
    " Further left is smaller, lower is better; the dashed line is the dense network, the band its interval.",
    "Two points whose bars overlap widely are not told apart by this test set. Compare methods at the same node count.",
    "LM weight and insertion penalty were chosen on the development speakers and applied to the test set unchanged.",
    "In the histograms a method that decides which nodes to keep leaves two separate heaps: what is cut"
    " is near zero already. A single heap cut through its middle means that the cut itself, not training, removed the"
    " nodes; the cross-entropies before and after the cut then differ.",
    *LEGEND,
)


NESTED = (
    "Networks cut from one guided run as it stood before its own cut: the first nodes of each layer, not retrained."
    " Nodes that do nothing are not counted."
)


def summary(rows: Sequence[Row]) -> str:
    """One or two sentences: the dense network, and the smallest whose test WER lies inside the dense one's interval.

    Of several dense runs the median speaks.
    """
    scored = [row for row in rows if number(row, "wer_test") is not None]
    if not any(map(is_dense, scored)):
        return f"{len(rows)} runs; none of them is a scored dense network to compare with."
    dense = median_run(list(filter(is_dense, scored)))
    nodes = number(dense, "nodes") or 0
    told = f"The dense network ({nodes:,.0f} hidden nodes) has a test WER of {dense['wer_test']:.2f} %."
    high = number(dense, "wer_test_high") or dense["wer_test"]
    inside = [row for row in scored if not is_dense(row) and row["wer_test"] <= high and number(row, "nodes")]
    if not inside:
        return told
    least = min(inside, key=lambda row: (row["nodes"], row["wer_test"]))
    share = 100 * least["nodes"] / (number(least, "nodes_dense") or nodes or least["nodes"])
    return (
        f"{told} The smallest network whose WER is not above the dense one's interval is {least['run']}:"
        f" {least['nodes']:,} nodes ({share:.3g} %) at {least['wer_test']:.2f} %."
    )


def _class(left: bool, text: str) -> str:
    names = [*(["left"] if left else []), *(["no"] if text == "NO" else [])]
    return f' class="{" ".join(names)}"' if names else ""


def _head(column: Column) -> str:
    words = " ".join(column.head).replace("- ", "").replace("/ ", "/").strip()
    return f"<th{_class(column.left, '')}>{escape(words)}</th>"


def _table_row(row: Row) -> str:
    texts = [(column.left, column.cell(row)) for column in COLUMNS]
    cells = "".join(f"<td{_class(left, text)}>{escape(text)}</td>" for left, text in texts)
    dense = ' class="dense"' if is_dense(row) else ""
    return f"<tr{dense}>{cells}</tr>"


def _table(rows: Sequence[Row]) -> str:
    heads, lines = "".join(map(_head, COLUMNS)), "".join(map(_table_row, rows))
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>'


def _image(png: bytes, alt: str) -> str:
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def _command(row: Row) -> str:
    facts = [f"{key} {row[key]}" for key in ("seed", "commit") if row.get(key) is not None]
    told = f' <span class="soft">{escape(", ".join(facts))}</span>' if facts else ""
    name, command = escape(str(row["run"])), escape(str(row.get("command") or "not recorded"))
    return f"<div><strong>{name}</strong>{told}<pre>{command}</pre></div>"


def _nested_row(row: Row) -> str:
    figures = (f"{row['width']:g}", f"{row['nodes']:,}", layers(row), f"{row['dev_ce']:.3f}", f"{row['wer_dev']:.2f}")
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in (*figures, interval(row)))}</tr>"


def _nested(run: Run) -> str:
    """The widths of one run, a table."""
    heads = ("share of each layer", "nodes", "per layer", "dev cross-entropy", "WER dev", "WER test")
    body = "".join(map(_nested_row, run.nested))
    head = "".join(f"<th>{name}</th>" for name in heads)
    told = f"<h3>{escape(str(run.row['run']))}</h3>"
    return f'{told}<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def page(
    rows: Sequence[Row],
    title: str,
    wer_png: bytes,
    norms_png: bytes,
    skipped: Sequence[str],
    nested: Sequence[Run] = (),
    matrices_png: bytes | None = None,
    weights_png: bytes | None = None,
) -> str:
    """HTML of the whole report, pictures inside; rows in the order in which the table shows them."""
    missing = "".join(f"<li>{escape(sentence)}</li>" for sentence in skipped)
    sections = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="lead">{escape(summary(rows))}</p>',
        _image(wer_png, "Test word error rate against surviving hidden nodes, by method"),
        "<h2>Runs</h2>",
        _table(rows),
        '<p class="soft">The same, with more columns: <a href="results.csv">results.csv</a>,'
        ' <a href="results.json">results.json</a>.</p>',
        f"<h2>Skipped: {len(skipped)}</h2><ul>{missing}</ul>" if skipped else "",
        "<h2>How to read it</h2>",
        "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in READING) + "</ul>",
        "<h2>Node norms</h2>",
        _image(norms_png, "Histograms of node norms before the cut, survivors and cut nodes"),
        "<h2>Nested widths</h2>" if nested else "",
        f'<p class="soft">{NESTED}</p>' if nested else "",
        *map(_nested, nested),
        "<h2>Weights before the cut</h2>" if matrices_png else "",
        _image(matrices_png, "Magnitudes of weights under L1, L2 and guided penalties") if matrices_png else "",
        "<h2>Weights</h2>" if weights_png else "",
        _image(weights_png, "Histograms of weights at the ends of the phases") if weights_png else "",
        "<h2>Commands that made the runs</h2>",
        *map(_command, rows),
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    body = "\n".join(filter(None, sections))
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n'
    )
