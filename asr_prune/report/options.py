"""What a recipe's `report:` block may say."""

from __future__ import annotations

from asr_prune.options import options


@options
class ReportOptions:
    #: Title of the page and of the pictures; empty: the name of the experiment's folder.
    title: str = ""
    #: Dots per inch of the pictures.
    dpi: int = 150
    #: Most characters in a line of the terminal table; run and method names are shortened to fit.
    width: int = 140

    def __post_init__(self) -> None:
        if not 50 <= self.dpi <= 600:
            raise ValueError(f"dpi must lie between 50 and 600, not {self.dpi}")
        if self.width < 120:
            raise ValueError(f"width must be at least 120, not {self.width}")
