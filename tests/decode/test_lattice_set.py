from __future__ import annotations

import gzip
import logging
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import kaldifst
import numpy as np
import pytest

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.decoder import Decoder
from asr_prune.decode.lattice_archive import read_lattices
from asr_prune.decode.lattice_set import Decoded, lattice_set
from asr_prune.decode.options import DecodeOptions, grid
from asr_prune.decode.sweep_archive import sweep_archive
from asr_prune.errors import UserError

SMALL = DecodeOptions(lm_weights=(4, 8), penalties=(0.0, 3.0))


def test_words_are_those_of_a_search_at_each_weight(recogniser: Any) -> None:
    """Where both beams are wide enough."""
    loglikes = {f"utt{i}": recogniser.loglikes(i, 20 + i, 8.0) for i in range(5)}
    options = DecodeOptions(beam=100.0, lattice_beam=60.0, lm_weights=(4, 8, 17), penalties=(0.0,))
    decoded = lattice_set(recogniser.graph, loglikes.items(), options, grid(options))
    decoder = Decoder(recogniser.graph, options)
    for (weight, _), words in decoded.words.items():
        assert words == {utt: decoder.best(matrix, 1 / weight).words for utt, matrix in loglikes.items()}
    score = sum(decoder.best(matrix, options.acoustic_scale).score for matrix in loglikes.values())
    assert decoded.score == pytest.approx(score, abs=1e-2)


def test_processes_agree_and_other_weights_come_from_the_archive(recogniser: Any, tmp_path: Path, start: str) -> None:
    loglikes = {f"utt{i}": recogniser.loglikes(i, 20 + i, 8.0) for i in range(5)}
    one, two = (
        lattice_set(recogniser.graph, iter(loglikes.items()), SMALL, grid(SMALL), nj, tmp_path / f"{nj}.gz")
        for nj in (1, 2)
    )
    assert one.words == two.words
    assert list(one.words) == [(4, 0.0), (4, 3.0), (8, 0.0), (8, 3.0)]
    assert one.frames == sum(map(len, loglikes.values()))
    assert (tmp_path / "1.gz").read_bytes() == (tmp_path / "2.gz").read_bytes()
    assert sweep_archive(tmp_path / "1.gz", recogniser.graph, grid(SMALL)) == one.words
    assert sweep_archive(tmp_path / "1.gz", recogniser.graph, grid(SMALL), 2) == one.words
    lengths = [sum(map(len, one.words[8, penalty].values())) for penalty in (0.0, 3.0)]
    assert lengths[1] < lengths[0]


def test_an_archive_of_portions_is_weighted_portion_by_portion(recogniser: Any, tmp_path: Path, start: str) -> None:
    archive, words = tmp_path / "lat.1.gz", dict[str, list[str]]()
    for portion in (range(2), range(2, 5)):
        loglikes = {f"utt{i}": recogniser.loglikes(i, 20 + i, 8.0) for i in portion}
        found = lattice_set(recogniser.graph, iter(loglikes.items()), SMALL, grid(SMALL), 1, tmp_path / "portion.gz")
        archive.write_bytes((archive.read_bytes() if words else b"") + (tmp_path / "portion.gz").read_bytes())
        words |= found.words[8, 0.0]
    for nj in (1, 2):
        swept = sweep_archive(archive, recogniser.graph, grid(SMALL), nj)[8, 0.0]
        assert (swept, list(swept)) == (words, list(words))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lat.1.gz", "portion.gz"]


def test_kept_lattices_have_transition_ids_of_each_frame_and_unscaled_acoustics(
    recogniser: Any, tmp_path: Path
) -> None:
    loglikes = recogniser.loglikes(3, 25)
    lattice_set(recogniser.graph, [("utt", loglikes)], SMALL, [], 1, tmp_path / "lat.1.gz")
    assert gzip.decompress((tmp_path / "lat.1.gz").read_bytes())[:8] == b"utt \xd6\xfd\xb2\x7e"
    ((utt, lattice),) = read_lattices(tmp_path / "lat.1.gz")
    assert utt == "utt"
    arrays, pdfs = lattice.arrays, np.loadtxt(recogniser.graph / "pdfs.txt", np.int32)
    frame, todo = {arrays.start: 0}, [arrays.start]
    while todo:
        state = todo.pop()
        for ilabel, _, (_, acoustic), target in arrays.arcs[arrays.sources == state]:
            if ilabel:
                assert acoustic == pytest.approx(-loglikes[frame[state], pdfs[ilabel]], rel=1e-5, abs=1e-4)
            if target not in frame:
                frame[target] = frame[state] + (ilabel > 0)
                todo.append(target)
    assert {frame[state] for state in np.flatnonzero(np.isfinite(arrays.finals[:, 0]))} == {25}


def test_unfinished_is_reported_and_counted(recogniser: Any, caplog: pytest.LogCaptureFixture) -> None:
    loglikes = {"short": recogniser.loglikes(0, 2), "long": recogniser.loglikes(1, 30)}
    with caplog.at_level(logging.INFO):
        decoded = lattice_set(recogniser.graph, loglikes.items(), SMALL, [(8, 0.0)])
    assert decoded.partial == ["short"]
    assert "1 utterance reached no final state" in caplog.text
    assert "2 utterances done, 0 failed, real-time factor" in decoded.summary()
    assert decoded.rtf() > 0


def test_the_summary_is_that_of_kaldis_decoders() -> None:
    """Frames last 10 ms unless told; failed utterances are not among those done."""
    decoded = Decoded({}, utterances=5, frames=400, search_seconds=1.0, score=-100.0, failed=["a", "b"])
    assert decoded.rtf() == pytest.approx(0.25)
    assert decoded.rtf(0.03) == pytest.approx(1 / 12)
    said = "3 utterances done, 2 failed, real-time factor 0.25000, log-likelihood per frame -0.250 over 400 frames"
    assert decoded.summary() == said
    assert Decoded({}).rtf() == Decoded({}).sweep_seconds == 0
    assert Decoded({}).summary().startswith("0 utterances done, 0 failed, real-time factor 0.00000, log-likelihood")


def test_seconds_are_those_of_each_part(recogniser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is read at the squares of 0, 1, 2 ...: five times for each of three utterances,
    first and last for the pace.
    """
    monkeypatch.setattr("time.process_time", (float(i * i) for i in count()).__next__)
    loglikes = [(f"utt{i}", recogniser.loglikes(i, 20)) for i in range(3)]
    decoded = lattice_set(recogniser.graph, loglikes, SMALL, [(8, 0.0)])
    assert (decoded.utterances, decoded.frames) == (3, 60)
    assert (decoded.search_seconds, decoded.sweep_seconds) == (3 + 13 + 23, 5 + 15 + 25)


def test_no_path_lives_to_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A graph for two frames and no more."""
    (tmp_path / "HCLG.fst").write_bytes(FstArrays.of(kaldifst.compile("0 1 1 1\n1 2 2 0\n2\n")).bytes())
    (tmp_path / "pdfs.txt").write_text("-1\n0\n1\n")
    (tmp_path / "words.txt").write_text("<eps> 0\nYES 1\n")
    loglikes = {"fits": np.zeros((2, 2), np.float32), "long": np.zeros((5, 2), np.float32)}
    decoded = lattice_set(tmp_path, loglikes.items(), SMALL, [(8, 0.0)], 1, tmp_path / "lat.1.gz")
    assert decoded.words[8, 0.0] == {"fits": ["YES"], "long": []}
    assert decoded.failed == decoded.partial == ["long"]
    assert "1 utterances done, 1 failed" in decoded.summary()
    assert [utt for utt, _ in read_lattices(tmp_path / "lat.1.gz")] == ["fits"]
    assert not Decoder(tmp_path, SMALL).best(loglikes["long"], 1 / 8).words
    assert "long" in caplog.text


def test_nothing_to_decode(recogniser: Any) -> None:
    with pytest.raises(UserError, match="no utterance"):
        lattice_set(recogniser.graph, [], SMALL, [(8, 0.0)])
    with pytest.raises(UserError, match="utt: the network has 2 outputs"):
        lattice_set(recogniser.graph, [("utt", np.zeros((9, 2), np.float32))], SMALL, [(8, 0.0)])


def test_damaged_archives(recogniser: Any, tmp_path: Path) -> None:
    path, bad = tmp_path / "lat.1.gz", tmp_path / "bad.gz"
    lattice_set(recogniser.graph, [(f"utt{i}", recogniser.loglikes(i, 20)) for i in range(3)], SMALL, [], 1, path)
    whole = gzip.decompress(path.read_bytes())
    third = whole.index(b"utt2 ")
    for content, message in (
        (gzip.compress(whole[: third + 200]), "after utterance utt1: it is truncated"),
        (gzip.compress(whole[: third + 3]), "after utterance utt1: it is truncated"),
        (gzip.compress(whole[:third] + b"utt2 nonsense"), "after utterance utt1: it is not an FST"),
        (path.read_bytes()[:-40], "bad.gz after"),
        (b"no gzip", "after its beginning"),
        (b"", "it is empty"),
    ):
        bad.write_bytes(content)
        with pytest.raises(UserError, match=message) as error:
            sweep_archive(bad, recogniser.graph, [(8, 0.0)])
        assert "run the decode stage again" in str(error.value)
    with pytest.raises(UserError, match="cannot read lattices"):
        sweep_archive(tmp_path / "none.gz", recogniser.graph, [(8, 0.0)])


def test_determinised_lattices_have_each_word_sequence_once(recogniser: Any, tmp_path: Path) -> None:
    loglikes = {f"utt{i}": recogniser.loglikes(i, 20 + i, 8.0) for i in range(4)}
    asked = replace(SMALL, lattice=True, determinize_lattice=True, lattice_beam=4.0)
    raw = replace(asked, determinize_lattice=False)
    for options in (asked, raw):
        file = tmp_path / f"{options.determinize_lattice}.gz"
        lattice_set(recogniser.graph, loglikes.items(), options, grid(options), 1, file)
    at = (1 / SMALL.acoustic_scale, 0.0)
    for (utt, small), (same, whole) in zip(
        read_lattices(tmp_path / "True.gz"), read_lattices(tmp_path / "False.gz"), strict=True
    ):
        assert utt == same
        lists = [
            [found for found in lattice.n_best(500, at) if found[1] <= 4.0 + limit]
            for lattice, limit in ((small, small.n_best(1, at)[0][1]), (whole, whole.n_best(1, at)[0][1]))
        ]
        assert sorted(words for words, _ in lists[0]) == sorted(words for words, _ in lists[1])
        costs = [[cost for _, cost in found] for found in lists]
        assert costs[0] == pytest.approx(costs[1], abs=1e-3)


def test_determinising_what_is_not_kept_is_refused() -> None:
    with pytest.raises(ValueError, match="set lattice to true too"):
        DecodeOptions(determinize_lattice=True)
