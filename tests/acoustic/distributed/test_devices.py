"""Which GPU a process of a training takes."""

from __future__ import annotations

import pytest

from asr_prune.acoustic.distributed.processes import device_of_process
from asr_prune.errors import UserError

#: what torch's launcher sets, whether torchrun or train.processes has started it
LAUNCHED = {"TORCHELASTIC_RESTART_COUNT": "0"}
SLURM = {"SLURM_LOCALID": "1"}


@pytest.mark.parametrize(
    ("environment", "devices", "wanted"),
    [
        ({}, 1, 0),
        (LAUNCHED | {"LOCAL_RANK": "1"}, 4, 1),
        (SLURM | {"LOCAL_RANK": "1"}, 1, 0),  # srun shows each task one
        (SLURM | {"LOCAL_RANK": "1"}, 2, 1),
        (LAUNCHED | {"SLURM_LOCALID": "0", "LOCAL_RANK": "0"}, 1, 0),
        (LAUNCHED | {"SLURM_LOCALID": "0", "LOCAL_RANK": "1"}, 1, None),  # train.processes within sbatch
        (LAUNCHED | {"LOCAL_RANK": "2"}, 2, None),
    ],
)
def test_each_process_has_a_device_of_its_own(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], devices: int, wanted: int | None
) -> None:
    for name in ("LOCAL_RANK", "SLURM_LOCALID", "TORCHELASTIC_RESTART_COUNT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if wanted is None:
        with pytest.raises(UserError, match=r"has no GPU of its own, there are .*; lower train\.processes"):
            device_of_process(devices)
    else:
        assert device_of_process(devices) == wanted
