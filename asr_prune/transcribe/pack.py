"""Packing of a run: everything that recognition needs, in one file."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from asr_prune import __version__
from asr_prune.acoustic.network import size_of
from asr_prune.errors import UserError
from asr_prune.files import Readable, atomic, present
from asr_prune.integrity import checked
from asr_prune.transcribe.packed import (
    ADAPTED_PARTS,
    CARD,
    FRONT_PARTS,
    GRAPH_PARTS,
    HMM_PARTS,
    LANG_PARTS,
    NETWORK,
    PACKED_FORMAT,
    SEAL,
    SEAL_HEX,
    TOKEN_PARTS,
    is_packed,
    seal_of,
)
from asr_prune.transcribe.packed_recogniser import PackedRecogniser, network_bytes
from asr_prune.transcribe.recogniser import Requested, RunRecogniser

_OLDEST = (1980, 1, 1, 0, 0, 0)  # of a zip: equal models are equal files
#: keys of result.json that go along
_RESULT = ("method", "nodes_dense", "wer_dev", "wer_test")
_OPTIONAL = {"lang/tokens.model", "lang/tokens.lexicon", *FRONT_PARTS}
_STAGES = {"graph": "graph", "lang": "lang", "hmm": "align"}


@dataclass(frozen=True)
class PackedPart:
    """A part: its bytes, its bytes in the file, and its digest."""

    name: str
    size: int
    packed: int
    sha256: str


def pack_run(recogniser: RunRecogniser, out: Path) -> list[PackedPart]:
    """Writes `out`, once it has been opened and is complete. Returns its parts.

    Raises UserError if the run has not been scored, a file is missing, its features were not
    computed from audio, or `out` exists and is something else.
    """
    if present(out) and not is_packed(out):
        raise UserError(f"{out} exists and is no packed model; name a file that may be replaced.")
    card, sources = _card(recogniser), dict(_sources(recogniser))
    with atomic(out, "wb") as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.comment = SEAL + b"0" * SEAL_HEX
            parts = [_add(archive, name, checked(path).read_bytes()) for name, path in sources.items()]
            parts.append(_add(archive, NETWORK, network_bytes(recogniser.model)))
            listed = {part.name: [part.size, part.sha256] for part in parts}
            text = json.dumps(card | {"parts": listed}, indent=1, ensure_ascii=False)
            parts.append(_add(archive, CARD, text.encode()))
        _seal(file)
        _try(Path(file.name), card)
    return parts


def _sources(recogniser: RunRecogniser) -> Iterator[tuple[str, Readable]]:
    """The parts to copy, and where they are. Raises UserError if one is missing."""
    files = recogniser.files
    folders = {"graph": files.graph, "lang": files.lang, "hmm": files.hmm}
    for part in _names(recogniser):
        kind, name = part.split("/", 1)
        folder = folders[kind]
        assert folder is not None
        if (folder / name).is_file():
            yield part, folder / name
        elif part not in _OPTIONAL:
            stage = _STAGES[kind]
            raise UserError(f"{folder / name} is missing; run the {stage} stage, which makes it.")


def _names(recogniser: RunRecogniser) -> list[str]:
    ctc, files = bool(recogniser.model.tokens), recogniser.files
    if not ctc and files.graph is None:
        raise UserError(
            f"{recogniser.name}: its labels came without an HMM, so it has no decoding graph; set"
            " hmm.model to the folder of their final.mdl and tree."
        )
    names = [*GRAPH_PARTS, *(TOKEN_PARTS if ctc else LANG_PARTS)] if files.graph else []
    names += [] if ctc else HMM_PARTS
    names += FRONT_PARTS if recogniser.source.kind == "hmm" else []
    return names + list(ADAPTED_PARTS if files.adapted else ())


def _card(recogniser: RunRecogniser) -> dict[str, Any]:
    _ = recogniser.raw_options  # refuses features that were not computed from audio
    model, run, greedy = recogniser.model, recogniser.run, recogniser.options.search == "greedy"
    weight, penalty = (1.0, 0.0) if greedy else recogniser.point(Requested())
    return {
        "format": PACKED_FORMAT,
        "asr_prune": __version__,
        "run": run.name,
        "recipe": run.path.absolute().parent.parent.name,
        **_result(run.result),
        "nodes": model.network.widths,
        "params": size_of(model.network).params,
        "network": model.network.shape(),
        "context": list(model.context),
        "tokens": model.tokens,
        "features": _without_paths(model.features),
        "decode": asdict(replace(recogniser.options, graph=None)),
        "lm_weight": weight,
        "penalty": penalty,
        "adapted": recogniser.files.adapted,
        "min_frames": recogniser.files.min_frames,
    }


def _result(path: Path) -> dict[str, Any]:
    """Method and word error rates, as far as the run has been scored."""
    content = json.loads(checked(path).read_text(encoding="utf-8")) if path.is_file() else {}
    return {key: content.get(key) for key in _RESULT}


def _without_paths(features: Mapping[str, Any]) -> dict[str, Any]:
    blocks = {kind: {**features[kind], "archives": ""} for kind in ("network", "hmm")}
    return {**features, **blocks}


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> PackedPart:
    """Weights hardly get smaller; everything else is compressed."""
    info = zipfile.ZipInfo(name, _OLDEST)
    info.compress_type = zipfile.ZIP_STORED if name == NETWORK else zipfile.ZIP_DEFLATED
    archive.writestr(info, data)
    return PackedPart(name, len(data), info.compress_size, hashlib.sha256(data).hexdigest())


def _seal(file: IO[bytes]) -> None:
    file.flush()
    with open(file.name, "rb") as written:
        seal = seal_of(written)
    file.seek(-SEAL_HEX, 2)
    file.write(seal)
    file.flush()


def _try(path: Path, card: Mapping[str, Any]) -> None:
    """Raises UserError if the parts do not make a recogniser."""
    point = {"lm_weight": card["lm_weight"], "penalty": card["penalty"]}
    PackedRecogniser(path).recogniser(Requested(times=True, **point))


def format_parts(parts: list[PackedPart]) -> list[str]:
    """A line for each part, and one for their sum."""
    total = PackedPart("together", sum(p.size for p in parts), sum(p.packed for p in parts), "")
    rows = [f"{p.name:<28} {p.size:>12,} {p.packed:>12,}" for p in [*parts, total]]
    return [f"{'part':<28} {'bytes':>12} {'in the file':>12}", *rows]
