"""A real Chromium for the tests of the page, and a report of a hundred runs to open in it."""

from __future__ import annotations

import io
import json
import random
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from asr_prune.report.write import write_report
from asr_prune.score.options import ScoreOptions
from asr_prune.score.wer import score
from asr_prune.score.write import write_score
from asr_prune.text import fields
from tests.report.conftest import invented_row, run_files

METHODS = [
    "dense_small",
    "group_lasso",
    "magnitude",
    "l1",
    "l2",
    "guided",
    "complexity",
    "gradual",
    "map",
    "dsd",
    "random",
]
KEEPS = (0.5, 0.25, 0.125)
WORDS = fields("ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE OH")


def hundred_runs(exp: Path) -> None:
    """100 runs with all files that the page reads: methods, keeps and seeds."""
    asked = [("none", 1.0, seed) for seed in (1, 2, 3)]
    asked += [(method, keep, seed) for method in METHODS for keep in KEEPS for seed in (1, 2, 3)][:97]
    rng = random.Random(1)
    refs = {f"u{i:03d}": [rng.choice(WORDS) for _ in range(6)] for i in range(130)}
    for method, keep, seed in asked:
        _write_run(exp / "runs" / f"{method}-keep{keep:g}-seed{seed}", method, keep, seed, rng, refs)


def _write_run(
    folder: Path, method: str, keep: float, seed: int, rng: random.Random, refs: dict[str, list[str]]
) -> None:
    wrong = 0.06 / keep**0.3
    hyps = {utt: [rng.choice(WORDS) if rng.random() < wrong else word for word in ref] for utt, ref in refs.items()}
    (folder / "shrunk").mkdir(parents=True)
    (folder / "shrunk/network.pt").write_bytes(b"0" * int(100_000 * keep))
    scored = score(hyps, refs, {utt: f"s{int(utt[1:]) % 10}" for utt in refs}, ScoreOptions(bootstrap=50))
    write_score(folder / "score_test.json", scored)
    nodes, interval = int(1024 * keep), {"wer_test_low": scored.low, "wer_test_high": scored.high}
    facts = {
        "seed": seed,
        "keep_asked": keep if keep < 1 else None,
        "params": int(4e5 * keep),
        "macs_per_frame": int(4e5 * keep),
        **interval,
    }
    facts |= {"converged": None if keep == 1 else rng.random() < 0.8, "am_forward_seconds_per_hour": 9 * keep}
    row = invented_row(folder.name, method, nodes, scored.wer, **facts)
    (folder / "result.json").write_text(json.dumps(row))
    epochs = [{"epoch": e, "train_ce": 1 + 2 / e, "dev_ce": 1 + 3 / e, "nodes": nodes} for e in range(1, 17)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(epoch) + "\n" for epoch in epochs))
    layers = [{"nodes": 256, "kept": list(range(int(256 * keep)))}] * 4
    (folder / "nodes.json").write_text(json.dumps({"layers": layers}))
    kept = np.arange(256) < 256 * keep
    np.savez(folder / "norms.npz", layer1=np.where(kept, 2.0 + np.arange(256) / 256, 1e-4), kept1=kept)


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the report of a hundred runs."""
    exp = tmp_path_factory.mktemp("hundred") / "exp/demo"
    hundred_runs(exp)
    write_report(run_files(exp), exp / "report", "demo")
    return exp / "report"


@pytest.fixture(scope="session")
def chromium() -> Any:
    """Chromium without a window; skips where it is not installed."""
    programs = [shutil.which("chromium") or shutil.which("google-chrome"), shutil.which("chromedriver")]
    if not all(programs):
        pytest.skip("no Chromium with chromedriver here: apt-get install chromium chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1600"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(programs[1]))
    browser.set_page_load_timeout(30)
    yield browser
    browser.quit()


class Page:
    """The page in the browser, as a person uses it."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    def open(self, address: str) -> int:
        """Loads an address and returns the milliseconds until the page could be used."""
        self._load("about:blank")
        self._load(address)
        return int(self.wait("document.documentElement.dataset.ready"))

    def _load(self, address: str, tries: int = 3) -> None:
        """Chromium on a loaded machine now and then begins a load that never ends."""
        from selenium.common.exceptions import TimeoutException

        for left in range(tries, 0, -1):
            try:
                return self.browser.get(address)
            except TimeoutException:
                if left == 1:
                    raise

    def wait(self, expression: str, seconds: float = 60) -> Any:
        """The value of a JavaScript expression once it is true."""
        end = time.monotonic() + seconds
        while not (value := self.js(f"return {expression}")):
            assert time.monotonic() < end, f"{expression} is still {value}; console: {self.console()}"
            time.sleep(0.05)
        return value

    def js(self, code: str, *arguments: Any) -> Any:
        return self.browser.execute_script(code, *arguments)

    def find(self, selector: str) -> Any:
        return self.browser.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        return list(self.browser.find_elements("css selector", selector))

    def drawn(self, source: str, column: str) -> list[Any]:
        """A column of a data source of the main chart."""
        return list(self.js(f"return [...documents.main.get_model_by_name('{source}').data.{column}]"))

    def pixels(self, selector: str) -> np.ndarray:
        """The grey values of what it selects, uint8 [height, width]."""
        return np.asarray(Image.open(io.BytesIO(self.find(selector).screenshot_as_png)).convert("L"))

    def console(self) -> list[str]:
        """Messages of warnings and errors since the last call."""
        return [each["message"] for each in self.browser.get_log("browser") if each["level"] in ("WARNING", "SEVERE")]

    def media(self, scheme: str = "light", kind: str = "screen") -> None:
        """Makes the system light or dark, and the medium screen or print."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": kind, "features": features})


@pytest.fixture
def page(chromium: Any, report: Path) -> Page:
    """The report, opened; nothing in the console."""
    page = Page(chromium)
    page.media()
    page.console()
    page.open((report / "index.html").as_uri())
    return page
