"""The tables that a data directory may have beside text, utt2spk, spk2utt, wav.scp and segments.

As Kaldi's validate_data_dir.sh checks them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Literal, NamedTuple

from asr_prune.errors import counted, first_few
from asr_prune.text import fields


class SideTable(NamedTuple):
    """of: what its first column lists, all of them; form: of a line; fits: whether the rest of a
    line has that form.
    """

    name: str
    of: Literal["utterance", "speaker", "recording"]
    form: str
    fits: Callable[[list[str]], bool]


def _positive(values: list[str]) -> bool:
    with suppress(ValueError):
        return len(values) == 1 and 0 < float(values[0]) < math.inf
    return False


def _whole(values: list[str]) -> bool:
    return _positive(values) and float(values[0]).is_integer()


def _warp(values: list[str]) -> bool:
    return _positive(values) and 0.5 < float(values[0]) < 1.5


def _gender(values: list[str]) -> bool:
    return values in (["m"], ["f"])


def _channel(values: list[str]) -> bool:
    return len(values) == 2 and values[1] in ("A", "B", "1")


#: in the order in which they are reported
SIDE_TABLES = (
    SideTable("feats.scp", "utterance", "`utterance archive:offset`", bool),
    SideTable("cmvn.scp", "speaker", "`speaker archive:offset`", bool),
    SideTable("vad.scp", "utterance", "`utterance archive:offset`", bool),
    SideTable("utt2lang", "utterance", "`utterance language`", bool),
    SideTable("utt2uniq", "utterance", "`utterance utterance`", bool),
    SideTable("utt2dur", "utterance", "`utterance seconds`", _positive),
    SideTable("utt2num_frames", "utterance", "`utterance frames`", _whole),
    SideTable("utt2warp", "utterance", "`utterance factor`, between 0.5 and 1.5", _warp),
    SideTable("spk2gender", "speaker", "`speaker m` or `speaker f`", _gender),
    SideTable("spk2warp", "speaker", "`speaker factor`, between 0.5 and 1.5", _warp),
    SideTable("reco2dur", "recording", "`recording seconds`", _positive),
    SideTable(
        "reco2file_and_channel",
        "recording",
        "`recording file A`, or B for the second channel",
        _channel,
    ),
)


def unfit(table: SideTable, lines: Mapping[str, str]) -> list[str]:
    """The keys of `lines` (key -> rest of line) that do not have the form of `table`."""
    return [key for key, rest in lines.items() if not table.fits(fields(rest))]


def describe_unfit(table: SideTable, lines: Mapping[str, str]) -> list[str]:
    """One sentence that names them, if there are any."""
    odd = unfit(table, lines)
    return [f"{counted(odd, 'line')} not of the form {table.form}: {first_few(odd)}."] if odd else []
