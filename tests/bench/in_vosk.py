"""Runs as Vosk decodes them: `python tests/bench/in_vosk.py exp/an4_vosk`.

Each scored run is exported by `asr-prune export --vosk --check`. A row says WER of the decode stage,
in how many utterances of test Vosk has the same words (the best path, and the usual result), CPU
seconds of the usual result, bytes of the network and of the folder.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from asr_prune.files import files_below
from asr_prune.run_dir import RunDir


def row(run: RunDir, folder: Path) -> str:
    """A line of the table; utterances with other words go to the standard error stream."""
    command = [
        sys.executable,
        "-P",
        "-m",
        "asr_prune.cli.main",
        "export",
        str(run.path),
        str(folder),
        "--vosk",
        "--check",
    ]
    subprocess.run(command, check=True, stdout=sys.stderr)
    wer = json.loads(run.score("test").read_text())["wer"]
    check = json.loads((folder / "check.json").read_text())
    best, usual = (check["utterances"] - len(check[name]) for name in ("other_best_path", "other_usual"))
    total = sum(path.stat().st_size for path in files_below(folder) if path.name != "check.json")
    network = (folder / "am/final.mdl").stat().st_size
    figures = f"{best} of {check['utterances']} | {usual} | {check['seconds']:.1f} | {network:,} | {total:,}"
    return f"| {run.path.name} | {wer:.2f} | {figures} |"


def main() -> None:
    top = argparse.ArgumentParser(description="runs as Vosk decodes them")
    top.add_argument("exp", type=Path)
    given = top.parse_args()
    print("| run | WER | best path as ours | usual result as ours | CPU seconds | final.mdl | whole folder |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for path in sorted((given.exp / "runs").iterdir()):
        if RunDir(path).score("test").is_file():
            with tempfile.TemporaryDirectory() as folder:
                print(row(RunDir(path), Path(folder) / "vosk"), flush=True)


if __name__ == "__main__":
    main()
