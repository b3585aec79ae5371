"""What one update of several processes needs: their parts of the objective, and of the batch."""

from __future__ import annotations

from torch import Tensor

from asr_prune.acoustic.distributed.processes import gathered, is_alone, place_of, share
from asr_prune.acoustic.examples import Examples, Outcome
from asr_prune.acoustic.options import TrainOptions
from asr_prune.errors import UserError


def part_of_objective(outcome: Outcome, penalty: Tensor | None) -> Tensor:
    """What this process differentiates, []: over all processes it adds up to the objective of the
    whole batch, a mean over rows, and the penalty.
    """
    objective, count = outcome.objective, share().count
    if count > 1:
        rows = outcome.rows or int(outcome.frames)
        objective = objective * (rows / place_of(rows)[1])
        penalty = None if penalty is None else penalty / count
    return objective if penalty is None else objective + penalty


def check_batch(examples: Examples, options: TrainOptions) -> None:
    """Raises UserError if a batch has fewer examples than there are processes."""
    batch, count = min(examples.batch_size(options), len(examples)), share().count
    if batch < count:
        raise UserError(
            f"{count} processes cannot share a mini-batch of {batch}; raise train.batch or "
            "train.utterances, or lower train.processes."
        )


def check_epochs(epoch: int) -> None:
    """Raises UserError unless all processes have done as many epochs: without a folder that all
    see, only some find the checkpoint.
    """
    if not is_alone() and len(done := sorted(set(gathered(epoch)))) > 1:
        raise UserError(
            f"some processes go on after epoch {done[-1]} and others after epoch {done[0]}: they do "
            "not see the same checkpoint; let all machines share the folder of the project, then run "
            "the same command again."
        )
