"""A production model rewritten and cut, judged by Vosk, which has Kaldi's code inside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asr_prune.acoustic.graph_model import cut_model
from asr_prune.acoustic.graph_network import GraphNetwork
from asr_prune.local import demo_voices
from asr_prune.nnet3.model import Nnet3, bytes_of, read_nnet3
from asr_prune.pruning.removal import narrow
from tests.nnet3.reference import Reference

pytestmark = pytest.mark.slow
SENTENCES = ("안녕하세요 오늘 날씨가 좋습니다", "저는 학교에 갑니다", "한국어 음성 인식")


@pytest.fixture(scope="module")
def speech() -> list[bytes]:
    """Korean sentences by espeak-ng, 16 bit at 16 kHz."""
    pytest.importorskip("espeakng_loader")
    voice = demo_voices.Voice("ko", "ko", ((1, 150),))
    spoken = demo_voices.speak(voice, [sentence.split() for sentence in SENTENCES])
    return [(samples * 32767).astype("<i2").tobytes() for samples in spoken]


def with_model(korean: Path, folder: Path, data: bytes) -> Path:
    """The directory with another final.mdl, and without dither, which Vosk draws anew each time."""
    for path in korean.rglob("*"):
        if path.is_file():
            place = folder / path.relative_to(korean)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(path)
    for name in ("am/final.mdl", "conf/mfcc.conf"):
        (folder / name).unlink()
    (folder / "am/final.mdl").write_bytes(data)
    (folder / "conf/mfcc.conf").write_text((korean / "conf/mfcc.conf").read_text() + "\n--dither=0\n")
    return folder


def words(folder: Path, speech: list[bytes]) -> list[str]:
    vosk: Any = pytest.importorskip("vosk")
    vosk.SetLogLevel(-1)
    model, found = vosk.Model(str(folder)), []
    for samples in speech:
        recogniser = vosk.KaldiRecognizer(model, 16000)
        recogniser.AcceptWaveform(samples)
        found.append(json.loads(recogniser.FinalResult())["text"])
    return found


def test_vosk_reads_what_is_written(korean: Path, tmp_path: Path, speech: list[bytes]) -> None:
    """The same words from the file rewritten from its network; and some from half of the nodes."""
    model = read_nnet3(korean / "am/final.mdl")
    network = GraphNetwork.of(model, 3, korean)
    everything = [list(range(nodes)) for nodes in network.widths]
    original = words(with_model(korean, tmp_path / "original", bytes_of(model)), speech)
    assert any(original)
    same = bytes_of(cut_model(model, network, everything))
    assert words(with_model(korean, tmp_path / "same", same), speech) == original
    small = bytes_of(cut(model, network))
    assert len(small) < 0.6 * len(same)
    assert len(words(with_model(korean, tmp_path / "small", small), speech)) == len(speech)


def cut(model: Nnet3, network: GraphNetwork) -> Nnet3:
    """Without half of the nodes of every group, drawn at random."""
    dice = np.random.default_rng(0)
    kept = [np.sort(dice.permutation(nodes)[: nodes // 2]) for nodes in network.widths]
    masks = [torch.isin(torch.arange(n), torch.from_numpy(k)) for n, k in zip(network.widths, kept, strict=True)]
    narrow(network.node_layers(), masks)
    return cut_model(model, network, [index.tolist() for index in kept])


def test_all_outputs_are_as_defined(korean: Path) -> None:
    """All outputs against the slow evaluation, on a second of features."""
    model = read_nnet3(korean / "am/final.mdl")
    network = GraphNetwork.of(model, 3, korean)
    assert network.context == model.context
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(40, 140)).astype(np.float32))
    x[:, :40] *= 10
    slow = Reference(model, {"input": x[:, :40].numpy(), "ivector": x[:, 40:].numpy()}, network.context)
    with torch.no_grad():
        fast = network(x).numpy()
    wanted = slow.outputs(3)
    np.testing.assert_allclose(fast, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())
    assert network.widths == [768, *[64] * 15, 768, 64]
