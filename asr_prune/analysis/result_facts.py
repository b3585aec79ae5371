"""What a recipe's results rest on: the corpus, and the machines and versions that computed them."""

from __future__ import annotations

from collections.abc import Sequence

from asr_prune.analysis.amount import Amount, all_sets, amounts
from asr_prune.report.results import Result
from asr_prune.run_dir import RunDir
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.ledger import Hashes, Ledger

#: entries of a run's ledger that tell where it was made, the first that there is; a run of all
#: folds together has the second alone
_ENTRIES = ("train", "score")


def result_facts(experiment: Experiment, runs: Sequence[RunDir], rows: Sequence[Result]) -> dict[str, str]:
    """By what they are about. runs: those of `rows`, in their order."""
    hashes = Hashes(experiment.layout.hashes)
    notes = [_note(Ledger(run.path, hashes)) for run in runs]
    commits = {row.commit or "no checkout" for row in rows}
    count = len(experiment.folds)
    return {
        "recipe": f"`{experiment.loaded.folder}`",
        "corpus": "; ".join(_speech(experiment)),
        **({"folds": f"{count}, which share no speaker"} if count else {}),
        "computed on": "; ".join(sorted({machine for machine, _ in notes})),
        "with": "; ".join(sorted({versions for _, versions in notes})),
        "commit": ", ".join(sorted(commits)),
    }


def _speech(experiment: Experiment) -> list[str]:
    """The sets, or of folds, which divide all speakers anew, the whole corpus."""
    sets = amounts(experiment)
    if not experiment.folds:
        return [f"{part} {_in_words(own)}" for part, own in sets.items()]
    return [f"{_in_words(all_sets(list(sets.values())))}, each tested once"] if sets else []


def _in_words(own: Amount) -> str:
    return f"{own.utterances} utterances of {own.speakers} speakers, {own.hours:.2f} h, {own.words:,} words"


def _note(ledger: Ledger) -> tuple[str, str]:
    """The machine and the versions of libraries of a run's training."""
    recorded = next((entry for name in _ENTRIES if (entry := ledger.recorded(name))), {})
    machine, libraries = recorded.get("machine", {}), recorded.get("libraries", {})
    python = [f"Python {machine['python']}"] if machine else []
    versions = ", ".join([*python, *(f"{name} {version}" for name, version in libraries.items())])
    return machine.get("processor", "a processor that was not recorded"), versions or "versions that were not recorded"
