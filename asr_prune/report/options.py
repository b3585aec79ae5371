"""Options of a recipe's `report:` block."""

from __future__ import annotations

from asr_prune.options import options


@options
class ReportOptions:
    #: title of the page and the figures; empty: the name of the experiment's folder
    title: str = ""
    #: resolution of the figures, dots per inch (50 to 600)
    dpi: int = 150
    #: maximum line length of the terminal table, at least 120; long names of runs are shortened
    width: int = 140

    def __post_init__(self) -> None:
        if not 50 <= self.dpi <= 600:
            raise ValueError(f"dpi must lie between 50 and 600, not {self.dpi}")
        if self.width < 120:
            raise ValueError(f"width must be at least 120, not {self.width}")
