from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from asr_prune.errors import UserError
from asr_prune.features.online.directory import find_files
from asr_prune.features.online.settings import (
    ChunkConf,
    CmvnConf,
    FbankConf,
    MfccConf,
    VoskCmvnConf,
)

from .small import CEPS, make_stats, matrix_bytes, write_kaldi, write_vosk


@pytest.mark.parametrize("old", [False, True])
def test_layouts_of_vosk(tmp_path: Path, old: bool) -> None:
    model = write_vosk(tmp_path / "model", old)
    files = find_files(model)
    assert isinstance(files.base, MfccConf)
    assert (files.base.num_ceps, files.cmvn, files.everyone) == (CEPS, None, None)
    assert files.ivector
    assert (files.ivector.max_count, Path(files.ivector.diag_ubm)) == (
        100,
        model / "ivector/final.dubm",
    )
    stats = model / ("global_cmvn.stats" if old else "am/global_cmvn.stats")
    stats.write_bytes(matrix_bytes(make_stats(), "DM"))
    assert (find_files(model).cmvn, find_files(model).everyone) == (VoskCmvnConf(), stats)
    shutil.rmtree(model / "ivector")
    assert find_files(model).ivector is None
    confs = model if old else model / "conf"
    (confs / "mfcc.conf").unlink()
    (confs / "fbank.conf").write_text("--num-mel-bins=40\n")
    assert find_files(model).base == FbankConf(num_mel_bins=40)


@pytest.mark.parametrize("moved", [False, True])
def test_layout_of_kaldi(tmp_path: Path, moved: bool) -> None:
    model = tmp_path / "model"
    write_kaldi(model, "/elsewhere/exp/online" if moved else str(model), num_gselect=3, ivector_period=7)
    files = find_files(model)
    assert files.ivector
    assert (files.ivector.num_gselect, files.ivector.ivector_period, files.ivector.max_count) == (
        3,
        7,
        100,
    )
    assert Path(files.ivector.lda_matrix) == model / "ivector_extractor/final.mat"
    with (model / "conf/online.conf").open("a") as file:
        file.write("--cmvn-config=/gone/conf/online_cmvn.conf\n--global-cmvn-stats=/gone/conf/global_cmvn.stats\n")
    assert find_files(model).everyone == model / "conf/global_cmvn.stats"
    assert find_files(model).cmvn == CmvnConf()


def test_cmvn_at_the_top_of_a_directory_that_was_moved(tmp_path: Path) -> None:
    """Where prepare_online_decoding.sh puts it; an old copy that is still there does not count."""
    was = tmp_path / "tdnn_online"
    write_kaldi(was)
    (was / "global_cmvn.stats").write_bytes(matrix_bytes(make_stats(), "DM"))
    with (was / "conf/online.conf").open("a") as file:
        file.write(f"--cmvn-config={was}/conf/online_cmvn.conf\n--global-cmvn-stats={was}/global_cmvn.stats\n")
    model = shutil.copytree(was, tmp_path / "model")
    assert find_files(model).everyone == model / "global_cmvn.stats"
    shutil.rmtree(was)
    assert find_files(model).everyone == model / "global_cmvn.stats"
    (model / "ivector_extractor/global_cmvn.stats").unlink()
    ivector = find_files(model).ivector
    assert ivector
    assert Path(ivector.global_cmvn_stats) == model / "ivector_extractor/global_cmvn.stats"


def test_a_directory_of_vosk_with_an_online_conf_is_one_of_vosk(tmp_path: Path) -> None:
    model = write_vosk(tmp_path / "model")
    for name in ("am/final.mdl", "conf/model.conf"):
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_text("")
    (model / "conf/model.conf").write_text("--frame-subsampling-factor=3\n")
    (model / "conf/online.conf").write_text("--feature-type=mfcc\n")
    files = find_files(model)
    assert files.ivector
    assert files.chunk.frame_subsampling_factor == 3


def test_chunks(tmp_path: Path) -> None:
    assert find_files(write_vosk(tmp_path / "old", old=True)).chunk.size == 24
    vosk, kaldi = write_vosk(tmp_path / "new"), write_kaldi(tmp_path / "kaldi")
    (vosk / "conf/model.conf").write_text("--frames-per-chunk=50\n--frame-subsampling-factor=4\n--beam=9\n")
    assert find_files(vosk).chunk == ChunkConf(50, 4)
    assert find_files(vosk).chunk.size == 52
    assert find_files(kaldi).chunk.size == 24
    (kaldi / "frame_subsampling_factor").write_text("3\n")
    assert find_files(kaldi).chunk.size == 24
    for wrong in ("", "three", "0"):
        (kaldi / "frame_subsampling_factor").write_text(wrong)
        with pytest.raises(UserError, match="frame_subsampling_factor must be a positive whole number"):
            find_files(kaldi)


def test_files_elsewhere_are_found_there(tmp_path: Path) -> None:
    model = write_kaldi(tmp_path / "model")
    (model / "conf/mfcc.conf").rename(tmp_path / "other.conf")
    (model / "conf/online.conf").write_text(f"--mfcc-config={tmp_path}/other.conf\n")
    assert find_files(model).base.num_mel_bins == 12


def test_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no directory; give the directory of a Kaldi or Vosk model"):
        find_files(tmp_path / "gone")
    with pytest.raises(UserError, match=r"has neither conf/online.conf"):
        find_files(tmp_path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--add-pitch=true", "pitch features are not computed here"),
        ("--feature-type=plp", "plp features are not computed here"),
        ("--cmvn-config=x", "--cmvn-config needs --global-cmvn-stats"),
    ],
)
def test_features_that_are_not_computed(tmp_path: Path, line: str, says: str) -> None:
    model = write_kaldi(tmp_path / "model")
    with (model / "conf/online.conf").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(UserError, match=says):
        find_files(model)


def test_files_that_a_model_lacks(tmp_path: Path) -> None:
    model = write_vosk(tmp_path / "vosk")
    (model / "conf/mfcc.conf").unlink()
    with pytest.raises(UserError, match=r"cannot read .*conf/mfcc.conf: No such file"):
        find_files(model)
    (model / "conf/pitch.conf").touch()
    with pytest.raises(UserError, match="pitch features are not computed here"):
        find_files(model)
    model = write_kaldi(tmp_path / "kaldi")
    (model / "conf/ivector_extractor.conf").write_text("--lda-matrix=x\n")
    with pytest.raises(UserError, match="--global-cmvn-stats is missing; add it"):
        find_files(model)
