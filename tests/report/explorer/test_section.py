"""The parts of the page that its script works on."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

from asr_prune.report.explorer.charts import main_chart, panel_charts
from asr_prune.report.explorer.details import Details
from asr_prune.report.explorer.runs_table import runs_table
from asr_prune.report.explorer.section import download, explorer, scripts
from asr_prune.report.runs import FinishedRun
from asr_prune.score.align import Pair
from asr_prune.score.wer import Utterance
from tests.report.conftest import invented

EVIL = "</script><b>&amp;<!--"


class Page(HTMLParser):
    """Tags, attributes and the text of scripts by id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        name = self.tags[-1][1].get("id") if self.tags else None
        self.texts[name or ""] = self.texts.get(name or "", "") + data


def test_names_from_outside_end_no_element() -> None:
    row = invented(EVIL, "l2", 512, 9.0, command=EVIL, commit=EVIL)
    details = Details(utterances=[Utterance(EVIL, EVIL, [Pair("S", EVIL, EVIL)])], speakers={EVIL: 1.0})
    html = explorer([FinishedRun(row, None)], {EVIL: details}) + runs_table([row]) + download("a.csv", EVIL, "text/csv")
    page = Page(html)
    assert not [tag for tag, _ in page.tags if tag == "b"]
    assert json.loads(page.texts["run-data"])[EVIL]["speakers"] == {EVIL: 1.0}
    assert json.loads(page.texts["word-data"])["utterances"][0]["n"] == EVIL
    assert json.loads(page.texts["chart-data"])["runs"][0]["run"] == EVIL
    assert page.texts["a.csv"] == EVIL
    assert ("data-run", EVIL) in [pair for _, attrs in page.tags for pair in attrs.items()]


def test_the_table_sorts_by_numbers() -> None:
    row = invented("a", "l2", 512, 9.0, train_seconds=float("nan"))
    page = Page(runs_table([row]))
    kinds = [attrs["data-kind"] for tag, attrs in page.tags if tag == "th"]
    cells = [attrs.get("data-value") for tag, attrs in page.tags if tag == "td"]
    assert [cell is not None for cell in cells] == [kind == "number" for kind in kinds]
    assert cells[3] == "512.0"
    assert "" in cells
    assert "nan" not in cells


def test_charts_are_the_same_text_every_time() -> None:
    assert main_chart([0, 1]) == main_chart([0, 1])
    assert panel_charts() == panel_charts()
    ids = re.findall(r'"id":"(p\d+)"', main_chart([0, 1]))
    assert ids[:2] == ["p1", "p2"]


def test_scripts_load_nothing() -> None:
    text = scripts()
    assert not re.findall(r"<script[^>]+src", text)
    assert text.count("</script>") == text.count("<script>") == 3
