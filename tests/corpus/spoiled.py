"""Data directories with one fault each, and what Kaldi's utils/validate_data_dir.sh says of them.

The verdicts are those of the script as of Kaldi's commit f40076610, in a UTF-8 locale and with
--no-feats.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

KEYS = [f"{speaker}-{number}" for speaker in ("ann", "bob") for number in (1, 2, 3)]
PASSES, REFUSES = True, False


class Spoiled(NamedTuple):
    """The first match of `pattern` in `file` becomes `by`; "" appends; None removes the file.

    ours: our verdict where it is another one than Kaldi's, on purpose. fixed: whether `fix` mends it.
    """

    file: str
    pattern: str
    by: str | None
    kaldi: bool
    ours: bool | None = None
    fixed: bool = True
    cut: bool = False


SPOILED = {
    "sound": Spoiled("text", "", "", PASSES),
    "tab": Spoiled("text", "ann-1 ", "ann-1\t", PASSES),
    "trailing space": Spoiled("text", "YES\n", "YES \n", PASSES),
    "accents": Spoiled("text", "YES", "OUÏ", PASSES),
    "format character": Spoiled("text", "YES", "YE\u200bS", PASSES),
    "private character": Spoiled("text", "YES", "YE\ue000S", PASSES),
    "bell": Spoiled("text", "YES", "YE\x07S", REFUSES),
    "delete": Spoiled("text", "YES", "YE\x7fS", REFUSES),
    "escape": Spoiled("text", "YES", "\x1b[1mYES", REFUSES),
    "separator": Spoiled("text", "YES", "YES\x1cNO", REFUSES),
    "next line": Spoiled("text", "YES", "YES\x85NO", REFUSES),
    "null": Spoiled("text", "YES", "YE\0S", PASSES, REFUSES),
    "unassigned": Spoiled("text", "YES", "YE\uffffS", REFUSES),
    "no-break space": Spoiled("text", "YES", "YES\xa0NO", REFUSES),
    "ideographic space": Spoiled("text", "YES", "YES\u3000NO", REFUSES),
    "line separator": Spoiled("text", "YES", "YES\u2028NO", REFUSES),
    "form feed": Spoiled("text", "YES", "YES\fNO", REFUSES),
    "vertical tab": Spoiled("text", "YES", "YES\vNO", REFUSES),
    "Windows text": Spoiled("text", "\n", "\r\n", REFUSES),
    "carriage return": Spoiled("text", "YES", "YES\rNO", REFUSES),
    "no last newline, text": Spoiled("text", r"\n\Z", "", REFUSES),
    "no last newline, utt2spk": Spoiled("utt2spk", r"\n\Z", "", REFUSES),
    "no last newline, spk2utt": Spoiled("spk2utt", r"\n\Z", "", REFUSES),
    "no last newline, wav.scp": Spoiled("wav.scp", r"\n\Z", "", REFUSES),
    "no last newline, utt2dur": Spoiled("utt2dur", r"\n\Z", "", REFUSES),
    "no last newline, segments": Spoiled("segments", r"\n\Z", "", REFUSES, cut=True),
    "byte order mark": Spoiled("text", r"\A", "\ufeff", REFUSES),
    "no words": Spoiled("text", "ann-1 .*", "ann-1", PASSES, REFUSES),
    "<s>": Spoiled("text", "YES", "<s>", REFUSES, fixed=False),
    "</s> within a word": Spoiled("text", "YES", "-</s>", REFUSES, fixed=False),
    "#0": Spoiled("text", "YES", "#0", REFUSES, fixed=False),
    "#01": Spoiled("text", "YES", "#01", PASSES),
    "<eps>": Spoiled("text", "YES", "<eps>", PASSES, REFUSES, fixed=False),
    "text unsorted": Spoiled("text", r"(ann-1.*\n)(ann-2.*\n)", r"\2\1", REFUSES),
    "text repeated": Spoiled("text", r"(ann-1.*\n)", r"\1\1", REFUSES),
    "text blank": Spoiled("text", r"(ann-1.*\n)", r"\1\n", REFUSES),
    "text lacks one": Spoiled("text", r"ann-1.*\n", "", REFUSES),
    "text has one more": Spoiled("text", r"\Z", "zoe-1 YES\n", REFUSES),
    "text empty": Spoiled("text", r"(?s).*", "", REFUSES, fixed=False),
    "no text": Spoiled("text", "", None, REFUSES, fixed=False),
    "no utt2spk": Spoiled("utt2spk", "", None, REFUSES, fixed=False),
    "no spk2utt": Spoiled("spk2utt", "", None, REFUSES),
    "no wav.scp": Spoiled("wav.scp", "", None, REFUSES, fixed=False),
    "no wav.scp but segments": Spoiled("wav.scp", "", None, REFUSES, fixed=False, cut=True),
    "spk2utt empty": Spoiled("spk2utt", r"(?s).*", "", REFUSES),
    "three fields in utt2spk": Spoiled("utt2spk", "ann-1 ann", "ann-1 ann x", REFUSES),
    "one field in utt2spk": Spoiled("utt2spk", "ann-1 ann", "ann-1", REFUSES),
    "Windows utt2spk": Spoiled("utt2spk", "\n", "\r\n", REFUSES),
    "two spaces in utt2spk": Spoiled("utt2spk", "ann-2 ", "ann-2  ", REFUSES),
    "tab in utt2spk": Spoiled("utt2spk", "ann-2 ", "ann-2\t", REFUSES),
    "leading space in utt2spk": Spoiled("utt2spk", "ann-2 ", " ann-2 ", REFUSES),
    "speakers unsorted": Spoiled("utt2spk", "ann-1 ann", "ann-1 bob", REFUSES, fixed=False),
    "spk2utt in another order": Spoiled("spk2utt", "ann-1 ann-2", "ann-2 ann-1", REFUSES),
    "spk2utt lacks one": Spoiled("spk2utt", "ann-1 ann-2", "ann-2", REFUSES),
    "spk2utt unsorted": Spoiled("spk2utt", r"(ann.*\n)(bob.*\n)", r"\2\1", REFUSES),
    "spk2utt repeats one": Spoiled("spk2utt", "ann-1 ann-2", "ann-1 ann-1 ann-2", REFUSES),
    "spk2utt without utterances": Spoiled("spk2utt", r"\Z", "zoe\n", REFUSES),
    "Windows spk2utt": Spoiled("spk2utt", "\n", "\r\n", PASSES, REFUSES),
    "wav.scp unsorted": Spoiled("wav.scp", r"(ann-1.*\n)(ann-2.*\n)", r"\2\1", REFUSES),
    "wav.scp lacks one": Spoiled("wav.scp", r"ann-1.*\n", "", REFUSES),
    "tilde": Spoiled("wav.scp", r"ann-1 .*", "ann-1 ~/a.wav", REFUSES),
    "pipe": Spoiled("wav.scp", r"ann-1 (.*)", r"ann-1 cat \1 |", PASSES, REFUSES, fixed=False),
    "Windows wav.scp": Spoiled("wav.scp", "\n", "\r\n", PASSES, REFUSES),
    "feats.scp lacks one": Spoiled("feats.scp", r"ann-1.*\n", "", REFUSES),
    "feats.scp empty": Spoiled("feats.scp", r"(?s).*", "", REFUSES, fixed=False),
    "feats.scp unsorted": Spoiled("feats.scp", r"(ann-1.*\n)(ann-2.*\n)", r"\2\1", REFUSES),
    "cmvn.scp lacks one": Spoiled("cmvn.scp", r"ann.*\n", "", REFUSES),
    "cmvn.scp stale": Spoiled("cmvn.scp", r"\Z", "zoe f.ark:9\n", REFUSES),
    "vad.scp lacks one": Spoiled("vad.scp", r"ann-1.*\n", "", REFUSES),
    "vad.scp stale": Spoiled("vad.scp", r"\Z", "zoe-1 f.ark:9\n", REFUSES),
    "utt2lang lacks one": Spoiled("utt2lang", r"ann-1.*\n", "", REFUSES),
    "utt2lang stale": Spoiled("utt2lang", r"\Z", "zoe-1 en\n", REFUSES),
    "utt2uniq stale": Spoiled("utt2uniq", r"\Z", "zoe-1 zoe-1\n", REFUSES),
    "utt2dur lacks one": Spoiled("utt2dur", r"ann-1.*\n", "", REFUSES),
    "utt2dur stale": Spoiled("utt2dur", r"\Z", "zoe-1 0.5\n", REFUSES),
    "utt2dur zero": Spoiled("utt2dur", "ann-1 .*", "ann-1 0", REFUSES),
    "utt2dur words": Spoiled("utt2dur", "ann-1 .*", "ann-1 long", PASSES, REFUSES),
    "utt2dur, two values": Spoiled("utt2dur", "ann-1 .*", "ann-1 0.5 s", REFUSES),
    "utt2num_frames stale": Spoiled("utt2num_frames", r"\Z", "zoe-1 48\n", REFUSES),
    "utt2num_frames lacks one": Spoiled("utt2num_frames", r"ann-1.*\n", "", REFUSES),
    "utt2num_frames half": Spoiled("utt2num_frames", "ann-1 .*", "ann-1 48.5", REFUSES),
    "utt2num_frames unsorted": Spoiled("utt2num_frames", r"(ann-1.*\n)(ann-2.*\n)", r"\2\1", REFUSES),
    "spk2gender stale": Spoiled("spk2gender", r"\Z", "zoe f\n", REFUSES),
    "spk2gender lacks one": Spoiled("spk2gender", r"ann.*\n", "", REFUSES),
    "spk2gender in words": Spoiled("spk2gender", "ann f", "ann female", REFUSES),
    "no-break space in spk2gender": Spoiled("spk2gender", "ann", "\xa0ann", REFUSES),
    "no-break space in utt2spk": Spoiled("utt2spk", "ann-1", "ann-1\xa0", REFUSES),
    "spk2warp": Spoiled("spk2warp", "ann .*", "ann 1.5", REFUSES),
    "utt2warp": Spoiled("utt2warp", "ann-1 .*", "ann-1 0.4", REFUSES),
    "reco2dur stale": Spoiled("reco2dur", r"\Z", "zoe-1 0.5\n", REFUSES),
    "reco2dur negative": Spoiled("reco2dur", "ann-1 .*", "ann-1 -1", REFUSES),
    "reco2file_and_channel stale": Spoiled("reco2file_and_channel", r"\Z", "zoe-1 zoe-1 A\n", REFUSES),
    "reco2file_and_channel lacks one": Spoiled("reco2file_and_channel", r"ann-1.*\n", "", REFUSES),
    "channel C": Spoiled("reco2file_and_channel", "A", "C", REFUSES),
    "channel 1": Spoiled("reco2file_and_channel", "A", "1", PASSES),
    "sound segments": Spoiled("segments", "", "", PASSES, cut=True),
    "a fifth field in segments": Spoiled("segments", "0.25\n", "0.25 0\n", REFUSES, cut=True),
    "segment of no length": Spoiled("segments", "0 0.25\n", "0.25 0.25\n", REFUSES, cut=True),
    "segment to the end": Spoiled("segments", " 0.75\n", " -1\n", REFUSES, cut=True),
    "three fields in segments": Spoiled("segments", " 0.25\n", "\n", REFUSES, cut=True),
    "segments unsorted": Spoiled("segments", r"(ann-1.*\n)(ann-2.*\n)", r"\2\1", REFUSES, cut=True),
    "segments lack one": Spoiled("segments", r"ann-1.*\n", "", REFUSES, cut=True),
    "segments of an unknown recording": Spoiled("segments", "talk-1", "talk-7", REFUSES, cut=True),
    "a recording without segments": Spoiled("wav.scp", r"\Z", "zoe zoe.wav\n", REFUSES, cut=True),
    "Windows segments": Spoiled("segments", "\n", "\r\n", PASSES, REFUSES, cut=True),
    "reco2file_and_channel by recording": Spoiled("reco2file_and_channel", "talk-1.*\n", "", REFUSES, cut=True),
    "reco2dur by recording": Spoiled("reco2dur", "talk-1.*\n", "", REFUSES, cut=True),
}


def table(keys: list[str], value: str) -> str:
    return "".join(f"{key} {value.replace('KEY', key)}\n" for key in keys)


def make(folder: Path, cut: bool) -> Path:
    """Two speakers with three utterances each, and every table that Kaldi checks.

    cut: as segments of two recordings, instead of whole files.
    """
    data, speakers = folder / "data", ["ann", "bob"]
    recordings = ["talk-1", "talk-2"] if cut else KEYS
    noise = np.random.default_rng(0).normal(0, 3000, 12000 if cut else 8000).astype(np.int16)
    for recording in recordings:
        soundfile.write(folder / f"{recording}.wav", noise, 16000)
    seconds = "0.25" if cut else "0.5"
    files = {
        "wav.scp": table(recordings, f"{folder}/KEY.wav"),
        "text": table(KEYS, "YES NO"),
        "utt2spk": "".join(f"{key} {key[:3]}\n" for key in KEYS),
        "spk2utt": "".join(f"{who} {who}-1 {who}-2 {who}-3\n" for who in speakers),
        "feats.scp": table(KEYS, "f.ark:6"),
        "cmvn.scp": table(speakers, "f.ark:6"),
        "vad.scp": table(KEYS, "f.ark:6"),
        "utt2lang": table(KEYS, "en"),
        "utt2uniq": table(KEYS, "KEY"),
        "utt2dur": table(KEYS, seconds),
        "utt2num_frames": table(KEYS, "48"),
        "utt2warp": table(KEYS, "1.0"),
        "spk2gender": table(speakers, "f"),
        "spk2warp": table(speakers, "1.0"),
        "reco2dur": table(recordings, "0.75" if cut else "0.5"),
        "reco2file_and_channel": table(recordings, "KEY A"),
    }
    if cut:
        times = ("0 0.25", "0.25 0.5", "0.5 0.75")
        files["segments"] = "".join(f"{key} talk-{1 + at // 3} {times[at % 3]}\n" for at, key in enumerate(KEYS))
    data.mkdir()
    for name, content in files.items():
        (data / name).write_text(content)
    return data


def spoil(folder: Path, case: Spoiled) -> Path:
    data = make(folder, case.cut)
    path = data / case.file
    if case.by is None:
        path.unlink()
    else:
        changed = re.sub(case.pattern, case.by, path.read_text(), count=1) if case.pattern else path.read_text()
        path.write_bytes(changed.encode())
    return data
