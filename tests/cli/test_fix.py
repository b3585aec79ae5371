"""What `asr-prune fix` says of a folder that it cannot repair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr_prune.cli.main import main


@pytest.mark.parametrize(("begin", "told"), [(0.5, "not repaired: {0}/segments: 1 pair"), (1.0, "{0} needs no repair")])
def test_what_is_not_repaired_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], begin: float, told: str
) -> None:
    soundfile.write(tmp_path / "r.wav", np.zeros(32000, np.int16), 16000)
    files = {
        "wav.scp": f"s-r {tmp_path}/r.wav\n",
        "segments": f"s-a s-r 0.0 1.0\ns-b s-r {begin} 2.0\n",
        "utt2spk": "s-a s\ns-b s\n",
        "spk2utt": "s s-a s-b\n",
        "text": "s-a YES\ns-b NO\n",
    }
    for name, lines in files.items():
        (tmp_path / name).write_text(lines)
    assert main(["fix", str(tmp_path)]) == 0
    assert told.format(tmp_path) in capsys.readouterr().out
