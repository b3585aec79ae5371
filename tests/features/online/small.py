"""Writes a small model directory: Vosk's layouts and Kaldi's, binary or text, with random Gaussians."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asr_prune.features.online.extractor import Extractor
from asr_prune.features.online.ubm import DiagUbm

CEPS, FEATURES, DIM, GAUSSIANS, OFFSET = 6, 4, 3, 7, 5.5
SPLICE = (2, 1)
CONFS = {
    "mfcc.conf": f"--use-energy=false  # a comment\n\n--num-ceps={CEPS}\n--num_mel_bins=12\n--dither=0\n",
    "splice.conf": f"--left-context={SPLICE[0]}\n--right-context={SPLICE[1]}\n",
    "online_cmvn.conf": "# nothing\n",
}


class Bytes:
    """Kaldi's encodings, double precision where final.ie has it."""

    def __init__(self, binary: bool) -> None:
        self.binary, self.data = binary, bytearray(b"\0B" if binary else b"")

    def token(self, word: str) -> None:
        self.data += f"{word} ".encode()

    def integer(self, value: int) -> None:
        self.data += b"\4" + value.to_bytes(4, "little") if self.binary else f"{value} ".encode()

    def real(self, value: float) -> None:
        self.data += b"\10" + np.float64(value).tobytes() if self.binary else f"{value!r} ".encode()

    def array(self, values: np.ndarray, kind: str) -> None:
        """kind: DV, FV, DM, FM or DP."""
        dtype, shape = ("<f8" if kind[0] == "D" else "<f4"), values.shape
        rows = [values] if values.ndim == 1 else list(values)
        if kind[1] == "P":
            rows, shape = [row[: i + 1] for i, row in enumerate(values)], shape[:1]
        if not self.binary:
            lines = [" ".join(map(repr, map(float, row))) + " " for row in rows]
            self.data += f" [ {chr(10).join(lines)}]\n".encode()
            return
        self.token(kind)
        for size in shape:
            self.integer(size)
        for row in rows:
            self.data += np.asarray(row, dtype).tobytes()


def make_extractor(seed: int = 0) -> Extractor:
    dice = np.random.default_rng(seed)
    roots = dice.normal(size=(GAUSSIANS, FEATURES, FEATURES))
    precisions = roots @ roots.transpose(0, 2, 1) + 0.1 * np.eye(FEATURES)
    return Extractor(dice.normal(size=(GAUSSIANS, FEATURES, DIM)), precisions, OFFSET)


def make_ubm(seed: int = 1) -> DiagUbm:
    dice = np.random.default_rng(seed)
    weights = dice.uniform(0.5, 1, GAUSSIANS)
    means, invvars = (
        dice.normal(size=(GAUSSIANS, FEATURES)),
        dice.uniform(0.5, 2, (GAUSSIANS, FEATURES)),
    )
    parts = weights / weights.sum(), means * invvars, invvars
    return DiagUbm(*(part.astype(np.float32) for part in parts))


def make_transform(columns: int = CEPS * (sum(SPLICE) + 1) + 1) -> np.ndarray:
    scale = np.full(columns, 0.02)
    return (np.random.default_rng(2).normal(size=(FEATURES, columns)) * scale).astype(np.float32)


def make_stats(columns: int = CEPS) -> np.ndarray:
    dice = np.random.default_rng(3)
    values = dice.normal(5, 20, (400, columns))
    return np.stack([np.append(values.sum(0), 400), np.append((values**2).sum(0), 0)])


def extractor_bytes(extractor: Extractor, binary: bool = True, weights: int = 0) -> bytes:
    out = Bytes(binary)
    out.token("<IvectorExtractor>")
    out.token("<w>")
    out.array(np.ones((weights, weights)), "DM")
    out.token("<w_vec>")
    out.array(np.full(extractor.gaussians, 1 / extractor.gaussians), "DV")
    out.token("<M>")
    out.integer(extractor.gaussians)
    for matrix in extractor.projections:
        out.array(matrix, "DM")
    out.token("<SigmaInv>")
    for matrix in extractor.precisions:
        out.array(matrix, "DP")
    out.token("<IvectorOffset>")
    out.real(extractor.offset)
    out.token("</IvectorExtractor>")
    return bytes(out.data)


def ubm_bytes(ubm: DiagUbm, binary: bool = True) -> bytes:
    out = Bytes(binary)
    out.token("<DiagGMM>")
    for name, values, kind in (
        ("<GCONSTS>", ubm.constants, "FV"),
        ("<WEIGHTS>", ubm.weights, "FV"),
        ("<MEANS_INVVARS>", ubm.means_invvars, "FM"),
        ("<INV_VARS>", ubm.invvars, "FM"),
    ):
        out.token(name)
        out.array(values, kind)
    out.token("</DiagGMM>")
    return bytes(out.data)


def matrix_bytes(matrix: np.ndarray, kind: str = "FM", binary: bool = True) -> bytes:
    out = Bytes(binary)
    out.array(matrix, kind)
    return bytes(out.data)


def write_ivector(folder: Path, binary: bool = True) -> None:
    """The files of an i-vector extractor."""
    folder.mkdir(parents=True)
    (folder / "final.ie").write_bytes(extractor_bytes(make_extractor(), binary))
    (folder / "final.dubm").write_bytes(ubm_bytes(make_ubm(), binary))
    (folder / "final.mat").write_bytes(matrix_bytes(make_transform(), binary=binary))
    (folder / "global_cmvn.stats").write_bytes(matrix_bytes(make_stats(), "DM", binary=False))


def write_vosk(model: Path, old: bool = False, binary: bool = True, ivector: bool = True) -> Path:
    """A Vosk directory, as far as the features need it."""
    confs = model if old else model / "conf"
    for folder in (confs, model if old else model / "am"):
        folder.mkdir(parents=True, exist_ok=True)
    (model / ("final.mdl" if old else "am/final.mdl")).touch()
    (confs / "mfcc.conf").write_text(CONFS["mfcc.conf"])
    if ivector:
        write_ivector(model / "ivector", binary)
        for name in ("splice.conf", "online_cmvn.conf"):
            (model / "ivector" / name).write_text(CONFS[name])
    return model


def write_kaldi(model: Path, was: str = "/elsewhere/exp/online", **options: object) -> Path:
    """A directory of prepare_online_decoding.sh that was made in the folder `was`."""
    write_ivector(model / "ivector_extractor")
    (model / "conf").mkdir()
    for name, text in CONFS.items():
        (model / "conf" / name).write_text(text)
    (model / "conf/online.conf").write_text(
        f"--feature-type=mfcc\n--mfcc-config={was}/conf/mfcc.conf\n--endpoint.silence-phones=1:2\n"
        f"--ivector-extraction-config={was}/conf/ivector_extractor.conf\n"
    )
    names = {
        "splice-config": "conf/splice.conf",
        "cmvn-config": "conf/online_cmvn.conf",
        "lda-matrix": "ivector_extractor/final.mat",
        "global-cmvn-stats": "ivector_extractor/global_cmvn.stats",
        "diag-ubm": "ivector_extractor/final.dubm",
        "ivector-extractor": "ivector_extractor/final.ie",
    }
    given = {name: f"{was}/{place}" for name, place in names.items()} | {
        "max-count": 100,
        **options,
    }
    text = "".join(f"--{name.replace('_', '-')}={value}\n" for name, value in given.items())
    (model / "conf/ivector_extractor.conf").write_text(text)
    return model
