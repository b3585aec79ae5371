"""Model files: a network with all that is needed to use it, loaded without the recipe."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from asr_prune.acoustic.architectures import from_shape
from asr_prune.acoustic.network import Network
from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.integrity import checked
from asr_prune.layout import made_by

_FORMAT = 2
_FOLDER = 0x10  # attribute in a zip


@dataclass
class Model:
    """A network and what is needed to use it.

    priors: log class priors, float32 [pdfs], zeros for CTC; context: frames spliced left and right;
    kept: for each hidden layer the indices of its nodes in the dense network; features: the feature
    options, plain values; tokens: for CTC the token of each output, the blank first, else empty;
    left_out: training speakers that the network has not heard (`train.leave_out`).
    """

    network: Network
    priors: Tensor
    context: tuple[int, int]
    kept: list[list[int]]
    features: dict[str, Any] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def save_model(path: Path, model: Model) -> None:
    """Writes `model` atomically."""
    with atomic(path, "wb") as file:
        write_model(file, model)


def write_model(file: IO[bytes], model: Model) -> None:
    """Writes `model` as `save_model` does."""
    network = model.network
    content = {
        "format": _FORMAT,
        "shape": network.shape(),
        "context": list(model.context),
        "kept": model.kept,
        "features": model.features,
        "tokens": model.tokens,
        "left_out": model.left_out,
        "priors": model.priors.cpu(),
        "state": {name: value.cpu() for name, value in network.state_dict().items()},
    }
    torch.save(content, file)


def load_model(path: Path, dtype: torch.dtype = torch.float32) -> Model:
    """Reads a file of `save_model`, on the CPU.

    Raises UserError if the file is missing, damaged or of another format.
    """
    content = load_tensors(path)
    if content.get("format") != _FORMAT:
        raise UserError(
            f"{path} has model format {content.get('format')}, this version reads {_FORMAT}; "
            "train it again or use the version that wrote it."
        )
    try:
        return _model(content, dtype)
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
        raise damaged(path, error) from error


def _model(content: dict[str, Any], dtype: torch.dtype) -> Model:
    network = from_shape(content["shape"])
    network.to(dtype).load_state_dict(content["state"])
    context = (content["context"][0], content["context"][1])
    tokens, left_out = content.get("tokens", []), content.get("left_out", [])
    return Model(network.eval(), content["priors"], context, content["kept"], content["features"], tokens, left_out)


def load_tensors(path: Path) -> dict[str, Any]:
    """Loads a dictionary of torch.save with weights_only.

    Raises UserError if it is missing or damaged.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; {made_by(path, _writer(path))}.")
    try:
        content = read_tensors(path)
    except UserError:
        raise
    except Exception as error:
        raise damaged(path, error) from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is not a file of asr_prune; delete it and run the {_writer(path)} stage again.")
    return content


def read_tensors(path: Path) -> Any:
    """What torch.save wrote, tensors and plain values only, on the CPU.

    torch does not compare the CRC-32 that the file has of each of its records; this does. Raises
    zipfile.BadZipFile if one differs, or if torch would take a record for a folder and read
    nothing; and as torch.load.
    """
    if zipfile.is_zipfile(checked(path)):
        with zipfile.ZipFile(path) as archive:
            if any(record.external_attr & _FOLDER for record in archive.infolist()) or archive.testzip():
                raise zipfile.BadZipFile("a record is damaged")
    return torch.load(path, map_location="cpu", weights_only=True)


def damaged(path: Path, error: Exception) -> UserError:
    """The error for a model file with wrong content; names the stage that writes it."""
    return UserError(f"{path} is damaged ({type(error).__name__}); delete it and run the {_writer(path)} stage again.")


def unfitting(path: Path, error: Exception) -> UserError:
    """The error for a whole checkpoint that does not have what this training needs."""
    return UserError(
        f"{path} is of another version of asr_prune, or of another network, and this training "
        f"cannot go on from it ({type(error).__name__}); delete it and run the {_writer(path)} "
        "stage again, which begins anew."
    )


def _writer(path: Path) -> str:
    return "shrink" if path.absolute().parent.name == "shrunk" else "train"
