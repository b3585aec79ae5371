"""CTC networks for sherpa-onnx: what its wheel makes of them, and onnxruntime of padded batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asr_prune.acoustic.checkpoint import Model
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.time_delay import Tdnn
from asr_prune.acoustic.utterances import collapsed
from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.decoder import Decoder
from asr_prune.decode.greedy import greedy_words
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.token_graph import make_token_graph
from asr_prune.errors import UserError
from asr_prune.export.deployed import Deployed
from asr_prune.export.forward import torch_forward
from asr_prune.export.sherpa import _tokens
from asr_prune.export.sherpa_graph import sherpa_graph
from asr_prune.export.sherpa_model import sherpa_model
from asr_prune.features.compute import make_compute
from asr_prune.features.options import NetworkFeatureOptions
from asr_prune.lang.grammar import make_grammar
from asr_prune.lang.options import LangOptions
from asr_prune.lang.symbols import number_symbols, read_symbols, write_symbols
from asr_prune.lang.tokens import Tokens

from .conftest import DIM, MakeDeployed

pytest.importorskip("onnx", reason="onnx is absent; pip install -e '.[export]'")
ABSENT = "onnxruntime is absent; pip install -e '.[export]'"
onnxruntime = pytest.importorskip("onnxruntime", reason=ABSENT)
NO_WHEEL = "sherpa-onnx is absent, which has no wheel for every platform; pip install sherpa-onnx"
RATE, BINS = 16000, 80
SYMBOLS = ["<blk>", "\u2581", "A", "B", "\u2581THE", "É"]
LEXICON = "A AH\nEY EY\nAA AH AH\nBB AH EY\nO UW\nOH UW\nZOO Z UW\nZOOM Z UW AH\n"
ARPA = """\\data\\
ngram 1=10
ngram 2=4

\\1-grams:
-99 <s> -0.3
-0.6 </s>
-0.9 A -0.2
-1.0 EY
-1.3 AA
-0.8 BB -0.4
-1.1 O
-1.2 OH
-0.7 ZOO -0.1
-1.4 ZOOM

\\2-grams:
-0.3 <s> BB
-0.2 BB ZOO
-0.4 ZOO A
-0.5 A </s>

\\end\\
"""


def in_sherpa_form(built: Deployed) -> Deployed:
    return replace(built, base=NetworkFeatureOptions(bins=built.dim, cmvn="none"))


@pytest.mark.parametrize("thin", [False, True])
@pytest.mark.parametrize(
    ("kind", "hidden"),
    [
        ("feed_forward", (5, 4)),
        ("residual", (5, 4)),
        ("tdnn", (5, 4)),
        ("tdnnf", (5, 4, 3)),
        ("tdnnf", (5, 0, 3)),
    ],
)
def test_the_utterances_of_a_padded_batch_are_computed_as_alone(
    deployed: MakeDeployed,
    utterances: dict[str, np.ndarray],
    kind: str,
    hidden: tuple[int, ...],
    thin: bool,
) -> None:
    """Sub-sampling, context and edges, whatever fills the padding."""
    built = in_sherpa_form(deployed(kind, hidden, thin=thin))
    session = onnxruntime.InferenceSession(sherpa_model(built, 2.0).SerializeToString())
    lengths = [len(features) for features in utterances.values()]
    padded = np.full((len(lengths), max(lengths), DIM), 1e3, np.float32)
    for row, features in zip(padded, utterances.values(), strict=True):
        row[: len(features)] = features
    log_probs, out_lengths = session.run(None, {"features": padded, "lengths": np.array(lengths)})
    assert out_lengths.tolist() == [-(-length // built.model.network.stride) for length in lengths]
    for row, length, features in zip(log_probs, out_lengths, utterances.values(), strict=True):
        wanted = torch.from_numpy(torch_forward(built.model)(features).logits).log_softmax(-1) / 2
        np.testing.assert_allclose(row[:length], wanted, atol=1e-5)


@pytest.fixture
def speller() -> Deployed:
    """A time-delay network with random weights that spells something of any sound."""
    torch.manual_seed(5)
    network = Tdnn(BINS * 3, [24, 24], len(SYMBOLS), taps=[[0], [-1, 0, 2]], strides=[3, 1])
    network.set_normalisation(torch.full((BINS * 3,), 9.0), torch.full((BINS * 3,), 2.0))
    return of_tokens(network, SYMBOLS)


def of_tokens(network: Network, symbols: list[str]) -> Deployed:
    kept = [list(range(width)) for width in network.widths]
    model = Model(network.eval(), torch.zeros(len(symbols)), (1, 1), kept, {}, symbols)
    return Deployed(model, NetworkFeatureOptions(bins=BINS, cmvn="none"))


def sounds(seed: int) -> np.ndarray:
    """Samples in int16 range, float32: noise of changing colour and loudness, and silence."""
    dice = np.random.default_rng(seed)
    parts = [np.zeros(1500)]
    for _ in range(12):
        noise = dice.normal(0, 10 ** dice.uniform(0, 3.5), int(dice.integers(800, 4000)))
        parts.append(np.convolve(noise, dice.normal(0, 1, 5), "same"))
    return np.concatenate(parts).clip(-32768, 32767).round().astype(np.float32)


def write_folder(folder: Path, built: Deployed, lm_weight: float = 1.0) -> None:
    (folder / "model.onnx").write_bytes(sherpa_model(built, lm_weight).SerializeToString())
    write_symbols({token: i for i, token in enumerate(built.model.tokens)}, folder / "tokens.txt")


def test_sherpa_spells_the_same_words(speller: Deployed, tmp_path: Path) -> None:
    sherpa_onnx = pytest.importorskip("sherpa_onnx", reason=NO_WHEEL)
    write_folder(tmp_path, speller)
    recogniser = sherpa_onnx.OfflineRecognizer.from_fire_red_asr_ctc(
        model=str(tmp_path / "model.onnx"), tokens=str(tmp_path / "tokens.txt")
    )
    streams, spelled = [], 0
    for seed in range(6):
        samples = sounds(seed)
        streams.append(recogniser.create_stream())
        streams[-1].accept_waveform(RATE, samples / 32768)
    recogniser.decode_streams(streams[:3])  # a padded batch
    for stream in streams[3:]:
        recogniser.decode_stream(stream)
    for seed, stream in enumerate(streams):
        logits = torch_forward(speller.model)(make_compute(speller.base)(sounds(seed))).logits
        ids = collapsed(logits.argmax(-1))
        assert stream.result.tokens == [SYMBOLS[i].replace("\u2581", " ") for i in ids]
        assert stream.result.text.split() == greedy_words(logits, SYMBOLS)
        best = [0, *logits.argmax(-1)]
        starts = [t for t, (last, i) in enumerate(pairwise(best)) if i and i != last]
        assert stream.result.timestamps == pytest.approx([0.03 * t for t in starts])
        spelled += len(ids)
    assert spelled > 60


@pytest.fixture(scope="module")
def lang(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words that are spelled alike, that begin others, or repeat a phone, with a bigram model."""
    folder = tmp_path_factory.mktemp("lang")
    (folder / "lexicon.txt").write_text(LEXICON)
    words = sorted({line.split()[0] for line in LEXICON.splitlines()})
    Tokens.learn([words], LangOptions(tokens="phones"), folder / "lexicon.txt").write(folder)
    write_symbols(number_symbols([*words, "#0", "<s>", "</s>"]), folder / "words.txt")
    (folder / "lm.arpa").write_text(ARPA)
    make_grammar(folder / "lm.arpa", folder)
    make_token_graph(folder, folder / "graph")
    return folder


@pytest.mark.parametrize("point", [(1, 0.0), (3, -0.7)])
def test_the_graph_has_the_paths_of_ours_with_words_where_sherpa_reads_them(
    lang: Path, viterbi: Callable[..., float], point: tuple[float, float]
) -> None:
    tokens, dice = len(Tokens.read(lang).symbols), np.random.default_rng(2)
    priors = dice.normal(0, 1, tokens).astype(np.float32)
    graph = FstArrays.of(sherpa_graph(lang, point, priors))
    speaking = graph.arcs[graph.arcs["olabel"] > 0]
    assert (speaking["ilabel"] > 1).all()
    into = labels_into(graph)
    for arc, source in zip(speaking, graph.sources[graph.arcs["olabel"] > 0], strict=True):
        assert arc["ilabel"] not in into[source]
    ours = FstArrays.read((lang / "graph/HCLG.fst").open("rb"))
    ours.arcs["weight"] += point[1] * (ours.arcs["olabel"] > 0)
    column = np.arange(-1, tokens)
    for frames in range(1, 12):
        log_probs = dice.normal(0, 3, (frames, tokens))
        scaled = viterbi(graph, log_probs / point[0], column)
        wanted = viterbi(ours, (log_probs - priors) / point[0], column)
        assert scaled == pytest.approx(wanted, abs=1e-3)


def labels_into(graph: FstArrays) -> dict[int, set[int]]:
    """The input labels with which each state is reached, those before epsilon arcs included."""
    into: dict[int, set[int]] = {state: set() for state in range(len(graph.counts))}
    sources, changed = graph.sources, True
    while changed:
        changed = False
        for arc, source in zip(graph.arcs, sources, strict=True):
            labels = {int(arc["ilabel"])} if arc["ilabel"] else into[source]
            changed |= not labels <= into[arc["nextstate"]]
            into[arc["nextstate"]] |= labels
    return into


def recogniser_with_graph(folder: Path) -> Any:
    """As docs/deploy.md makes it; result.words are numbers of words.txt."""
    pytest.importorskip("sherpa_onnx", reason=NO_WHEEL)
    from sherpa_onnx.lib import _sherpa_onnx as sherpa

    model = sherpa.OfflineModelConfig(
        fire_red_asr_ctc=sherpa.OfflineFireRedAsrCtcModelConfig(str(folder / "model.onnx")),
        tokens=str(folder / "tokens.txt"),
    )
    graph = sherpa.OfflineCtcFstDecoderConfig(graph=str(folder / "HLG.fst"))
    settings = sherpa.OfflineRecognizerConfig(model_config=model, ctc_fst_decoder_config=graph)
    return sherpa.OfflineRecognizer(settings)


def test_sherpa_finds_the_same_words_in_the_graph(lang: Path, tmp_path: Path) -> None:
    torch.manual_seed(8)
    symbols = Tokens.read(lang).symbols
    network = Tdnn(BINS * 3, [24, 24], len(symbols), taps=[[0], [-1, 0, 2]], strides=[3, 1])
    network.set_normalisation(torch.full((BINS * 3,), 9.0), torch.full((BINS * 3,), 2.0))
    torch.nn.init.normal_(network.output.weight, 0, 1.0)
    built, point = of_tokens(network, symbols), (2, -0.5)
    write_folder(tmp_path, built, point[0])
    priors = torch.randn(len(symbols)).numpy()
    (tmp_path / "HLG.fst").write_bytes(FstArrays.of(sherpa_graph(lang, point, priors)).bytes())
    recogniser = recogniser_with_graph(tmp_path)
    names = {i: word for word, i in read_symbols(lang / "words.txt").items()}
    decoder, found = (
        Decoder(lang / "graph", DecodeOptions(beam=16, lattice_beam=16, acoustic_scale=0.5)),
        0,
    )
    for seed in range(8):
        stream = recogniser.create_stream()
        stream.accept_waveform(RATE, sounds(seed) / 32768)
        recogniser.decode_stream(stream)
        logits = torch_forward(built.model)(make_compute(built.base)(sounds(seed))).logits
        log_probs = torch.from_numpy(logits).log_softmax(-1).numpy()
        [(words, _)] = decoder.lattice(log_probs - priors).sweep([point])
        assert [names[i] for i in stream.result.words] == [names[i] for i in words]
        found += len(words)
    assert found > 30


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"cmvn": "speaker"},
            "sherpa-onnx computes features with cmvn: global, and this run reads speaker",
        ),
        (
            {"type": "mfcc"},
            "sherpa-onnx computes features with type: fbank, and this run reads mfcc",
        ),
        ({"deltas": 2}, "with deltas: 0, and this run reads 2; change it in features.network"),
        ({"high_freq": -400.0}, "with high_freq: 0.0, and this run reads -400.0"),
        ({"dither": 1.0}, "with dither: 0.0, and this run reads 1.0"),
        ({"use_energy": True}, "with use_energy: false, and this run reads true"),
    ],
)
def test_features_that_sherpa_does_not_compute_are_refused(
    speller: Deployed, changed: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        sherpa_model(replace(speller, base=replace(speller.base, **changed)))


def test_tokens_that_sherpa_would_change_are_refused(speller: Deployed, deployed: MakeDeployed) -> None:
    assert _tokens(speller) == SYMBOLS
    with pytest.raises(UserError, match="byte-level pieces"):
        _tokens(replace(speller, model=replace(speller.model, tokens=["<blk>", "\u2581", "Ɔ"])))
    with pytest.raises(UserError, match="sherpa-onnx runs CTC networks"):
        _tokens(deployed())
