"""Labels per frame as Kaldi archives of integer vectors."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from asr_prune.errors import UserError
from asr_prune.features.archive import kaldi_io
from asr_prune.files import atomic
from asr_prune.hmm.gmm import Ints


def write_labels(stem: Path, labels: Iterable[tuple[str, Ints]]) -> None:
    """Writes stem.ark and stem.scp from (utterance, int32 [frames]) pairs. Raises UserError as `atomic`."""
    ark = Path(f"{stem}.ark").absolute()
    index = []
    with atomic(ark, "wb") as file:
        for utt, vector in labels:
            file.write(f"{utt} ".encode())
            index.append(f"{utt} {ark}:{file.tell()}\n")
            kaldi_io.write_vec_int(file, vector)
    with atomic(Path(f"{stem}.scp")) as file:
        file.writelines(index)


def read_labels(path: Path) -> dict[str, Ints]:
    """Reads an archive of `write_labels` or of Kaldi: {utterance: int32 [frames]}.

    path: the .ark, or the .scp beside it. Raises UserError where it is missing or damaged.
    """
    ark = path.with_suffix(".ark")
    try:
        with open(ark, "rb") as file:
            return {utt: np.asarray(vector, np.int32) for utt, vector in kaldi_io.read_vec_int_ark(file)}
    except OSError as error:
        raise UserError(f"cannot read the labels {ark}: {error.strerror}; the align stage makes them.") from error
    except (AssertionError, ValueError, IndexError, TypeError) as error:
        raise UserError(f"the labels {ark} are damaged ({error}); run the align stage again.") from error
