"""Whether an exported run has the words of its decode stage in sherpa-onnx, too."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from asr_prune.corpus.sound import Sound
from asr_prune.errors import UserError
from asr_prune.export.heard import HeardWords, alike_line, heard_alone, heard_by, other_words
from asr_prune.export.scored import decoded_words
from asr_prune.export.sherpa import GRAPH, NETWORKS, TOKENS, WORDS
from asr_prune.files import atomic
from asr_prune.lang.symbols import read_symbols
from asr_prune.run_dir import RunDir
from asr_prune.score.options import ScoreOptions


def need_sherpa() -> None:
    """Raises UserError if the package is not installed."""
    if not find_spec("sherpa_onnx"):
        raise UserError("--check needs sherpa-onnx, which is not there; install it with: pip install sherpa-onnx")


def check_sherpa(run: RunDir, folder: Path, sound: Sound, bins: int, options: ScoreOptions) -> list[str]:
    """Lets sherpa-onnx decode `sound`, the test set, with both networks of the exported `folder`,
    whose features have so many bins; returns lines for the terminal.

    Adds to the rows of check.json: utterances, and of these other_words, those whose words are not
    the decode stage's; cpu_seconds for `audio` seconds; skipped, utterances whose audio cannot be
    used, and why. Raises UserError as `heard_alone` and `decoded_words`.
    """
    path, lines, ours = folder / "check.json", [], decoded_words(run)
    rows = json.loads(path.read_text(encoding="utf-8"))
    for row in rows:
        found = heard_alone(_recognised, (folder, row["form"], sound, bins), sound, "sherpa-onnx ended early")
        others, count = other_words(ours, found, options), len(found.words)
        row |= {"utterances": count, "other_words": others, "skipped": found.skipped}
        row |= {"cpu_seconds": found.seconds, "audio": found.audio}
        lines.append(alike_line(f"sherpa-onnx, {row['form']}", others, count))
        lines.append(f"{found.seconds:.2f} CPU seconds for {found.audio:.0f} s of speech")
    with atomic(path) as file:
        json.dump(rows, file, ensure_ascii=False, indent=1)
    return lines


def _recognised(folder: Path, form: str, sound: Sound, bins: int) -> HeardWords:
    from sherpa_onnx.lib import _sherpa_onnx as sherpa  # type: ignore[import-untyped]

    network = sherpa.OfflineFireRedAsrCtcModelConfig(str(folder / NETWORKS[form]))
    model = sherpa.OfflineModelConfig(fire_red_asr_ctc=network, tokens=str(folder / TOKENS))
    graph = folder / GRAPH
    searched = graph.is_file()
    search = {"ctc_fst_decoder_config": sherpa.OfflineCtcFstDecoderConfig(graph=str(graph))} if searched else {}
    feats = sherpa.FeatureExtractorConfig(sampling_rate=sound.rate, feature_dim=bins)
    recogniser = sherpa.OfflineRecognizer(
        sherpa.OfflineRecognizerConfig(feat_config=feats, model_config=model, **search)
    )
    names = {number: word for word, number in read_symbols(folder / WORDS).items()} if searched else {}

    def recognise(samples: np.ndarray) -> list[str]:
        stream = recogniser.create_stream()
        stream.accept_waveform(sound.rate, samples / 32768)
        recogniser.decode_stream(stream)
        result = stream.result
        return [names[number] for number in result.words] if searched else result.text.split()

    return heard_by(recognise, sound)
