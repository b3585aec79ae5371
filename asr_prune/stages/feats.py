"""Features of a recipe, and the files that stages read for them."""

from __future__ import annotations

from pathlib import Path

from asr_prune.hmm.network_features import FEATURE_FILES, NetworkFeatures, feature_folder, transform_file
from asr_prune.workflow.context import Context


def network_features(context: Context) -> NetworkFeatures:
    """What the recipe's network reads."""
    return NetworkFeatures(context.recipe.features, context.labels.name)


def feature_inputs(context: Context, parts: tuple[str, ...], kind: str) -> dict[Path, str]:
    """Feature files of some sets, with the stage that makes them; kind: `hmm` or `network`."""
    folders = [feature_folder(context.data / part, kind) for part in parts]
    files = {folder / name: "features" for folder in folders for name in FEATURE_FILES}
    return files | {context.data / part / "utt2spk": "corpus" for part in parts}


def network_inputs(features: NetworkFeatures, context: Context, parts: tuple[str, ...]) -> dict[Path, str]:
    """Files that `features.load` reads for some sets, with the stage that makes them."""
    files = feature_inputs(context, parts, features.kind)
    if features.kind == "hmm":
        hmm = context.align / features.hmm
        names = [hmm / "delta_opts", hmm / "splice_opts", hmm / "final.mat"]
        files |= {path: "align" for path in names if path.is_file()}
        transforms = [transform_file(hmm, part) for part in parts] if (hmm / "trans.scp").is_file() else []
        files |= {path: "align" for scp in transforms for path in (scp, scp.with_suffix(".ark"))}
    return files
