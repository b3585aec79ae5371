"""Where a model directory keeps the files of its features: Vosk's two layouts, and Kaldi's online
directory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.features.online.conf import model_lines, read_conf
from asr_prune.features.online.settings import (
    IVECTOR_FILES,
    ChunkConf,
    CmvnConf,
    FbankConf,
    IvectorConf,
    MfccConf,
    OnlineConf,
    VoskCmvnConf,
)
from asr_prune.files import present

#: patterns of all files that these features can be computed by
MODEL_FILES = (
    "conf/*",
    "*.conf",
    "ivector/*",
    "ivector_extractor/*",
    "global_cmvn.stats",
    "am/global_cmvn.stats",
    "frame_subsampling_factor",
)
#: from when on Vosk lets the prior grow, as its model.cc sets it
_VOSK_MAX_COUNT = 100.0
#: what Vosk takes for a model of its older layout
_VOSK_CHUNK = ChunkConf(frame_subsampling_factor=3)


@dataclass(frozen=True)
class FeatureFiles:
    """What the features of a model are computed by.

    base: of the cepstra or filterbanks; cmvn, everyone: of the network's own input, if it is
    normalised; ivector: with the paths of its files filled in, if the network reads i-vectors;
    chunk: of online decoding; cmvn_kind: the class of the i-vectors' online_cmvn.conf.
    """

    base: MfccConf | FbankConf
    cmvn: CmvnConf | None
    everyone: Path | None
    ivector: IvectorConf | None
    chunk: ChunkConf
    cmvn_kind: type[CmvnConf]


def find_files(model: Path) -> FeatureFiles:
    """The files and options of the features of a model directory.

    It is Vosk's (conf/mfcc.conf, am/, ivector/), whatever else lies in it, Vosk's older one
    (mfcc.conf, final.mdl, ivector/), or what Kaldi's prepare_online_decoding.sh makes
    (conf/online.conf). Raises UserError if it is none, or a file is missing, or the features are of
    a kind that this program does not compute.
    """
    if not model.is_dir():
        raise UserError(f"{model} is no directory; give the directory of a Kaldi or Vosk model.")
    online, vosk = model / "conf/online.conf", (model / "am/final.mdl", model / "conf/model.conf")
    if online.is_file() and not all(path.is_file() for path in vosk):  # Vosk reads no online.conf
        return _kaldi(model, read_conf(online, OnlineConf, others=True))
    if (model / "am/final.mdl").is_file() or (model / "conf/model.conf").is_file():
        return _vosk(model, model / "conf", model / "am/global_cmvn.stats")
    if (model / "mfcc.conf").is_file() or (model / "fbank.conf").is_file():
        return _vosk(model, model, model / "global_cmvn.stats")
    places = "conf/online.conf (Kaldi), am/final.mdl and conf/mfcc.conf (Vosk) nor mfcc.conf (older)"
    raise UserError(f"{model} has neither {places}; give the directory of a Kaldi or Vosk model.")


def _vosk(model: Path, confs: Path, everyone: Path) -> FeatureFiles:
    if (confs / "pitch.conf").is_file():
        raise _unknown_features(confs / "pitch.conf", "pitch")
    base: MfccConf | FbankConf
    if not (confs / "mfcc.conf").is_file() and (confs / "fbank.conf").is_file():
        base = read_conf(confs / "fbank.conf", FbankConf)
    else:
        base = read_conf(confs / "mfcc.conf", MfccConf)
    cmvn = VoskCmvnConf() if present(everyone) else None
    ivector, chunk = _vosk_ivector(model / "ivector"), _VOSK_CHUNK
    if present(confs / "model.conf"):
        chunk = read_conf(confs / "model.conf", ChunkConf, others=True)
    everyone_of = everyone if cmvn else None
    return FeatureFiles(base, cmvn, everyone_of, ivector, chunk, VoskCmvnConf)


def _vosk_ivector(folder: Path) -> IvectorConf | None:
    if not present(folder):
        return None
    return IvectorConf(
        lda_matrix=str(folder / "final.mat"),
        global_cmvn_stats=str(folder / "global_cmvn.stats"),
        cmvn_config=str(folder / "online_cmvn.conf"),
        splice_config=str(folder / "splice.conf"),
        diag_ubm=str(folder / "final.dubm"),
        ivector_extractor=str(folder / "final.ie"),
        max_count=_VOSK_MAX_COUNT,
    )


def _kaldi(model: Path, conf: OnlineConf) -> FeatureFiles:
    where = model / "conf/online.conf"
    if conf.add_pitch:
        raise _unknown_features(where, "pitch")
    if conf.feature_type not in ("mfcc", "fbank"):
        raise _unknown_features(where, conf.feature_type)
    kinds: dict[str, tuple[str, type[MfccConf | FbankConf]]] = {
        "mfcc": (conf.mfcc_config, MfccConf),
        "fbank": (conf.fbank_config, FbankConf),
    }
    name, kind = kinds[conf.feature_type]
    base = read_conf(_moved(model, name), kind) if name else kind()
    if bool(conf.cmvn_config) and not conf.global_cmvn_stats:
        raise UserError(f"{where}: --cmvn-config needs --global-cmvn-stats; add it.")
    cmvn = read_conf(_moved(model, conf.cmvn_config), CmvnConf) if conf.cmvn_config else None
    everyone = _moved(model, conf.global_cmvn_stats) if cmvn else None
    named = conf.ivector_extraction_config
    ivector = _kaldi_ivector(model, _moved(model, named)) if named else None
    return FeatureFiles(base, cmvn, everyone, ivector, _kaldi_chunk(model, where), CmvnConf)


def _kaldi_chunk(model: Path, conf: Path) -> ChunkConf:
    chunk, path = read_conf(conf, ChunkConf, others=True), model / "frame_subsampling_factor"
    if not present(path):
        return chunk
    try:
        return replace(chunk, frame_subsampling_factor=int(model_lines(path)[0]))
    except (IndexError, ValueError):
        raise UserError(f"{path} must be a positive whole number; correct it.") from None


def _kaldi_ivector(model: Path, path: Path) -> IvectorConf:
    conf, found = read_conf(path, IvectorConf), {}
    for name in IVECTOR_FILES:
        if not getattr(conf, name):
            raise UserError(f"{path}: --{name.replace('_', '-')} is missing; add it.")
        found[name] = str(_moved(model, getattr(conf, name)))
    return IvectorConf(**{**vars(conf), **found})


def _moved(model: Path, name: str) -> Path:
    """The file that a configuration file names. As these paths are absolute and models are moved, it
    is looked for in the folder of its name in `model`, or, without such a folder, at the top, then there.
    """
    path = Path(name)
    folder = model / path.parent.name
    inside = (folder if folder.is_dir() else model) / path.name
    return inside if inside.is_file() or not path.is_file() else path


def _unknown_features(path: Path, kind: str) -> UserError:
    what = f"{kind} features are not computed here"
    return UserError(f"{path}: {what}; take a model of mfcc or fbank features.")
