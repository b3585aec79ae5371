"""Kaldi's online2 features from their definitions, a frame and a Gaussian at a time, in float64."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from asr_prune.features.online.ivectors import IvectorModel
from asr_prune.features.online.settings import CmvnConf, IvectorConf
from asr_prune.features.online.ubm import DiagUbm


def slow_cmvn(
    features: np.ndarray,
    conf: CmvnConf,
    everyone: np.ndarray,
    speaker: np.ndarray | None = None,
    reads: Iterable[int] | None = None,
) -> np.ndarray:
    rows = []
    stats = np.zeros((2, features.shape[1] + 1))  # what the read before left
    for t in range(len(features)) if reads is None else reads:
        frame = features[t].astype(np.float64)
        if frame[0] > conf.cmn_min_energy:
            window = features[max(0, t - conf.cmn_window + 1) : t + 1].astype(np.float64)
            stats = np.stack([np.append(window.sum(0), len(window)), np.append((window**2).sum(0), 0)])
        for source, most in ((speaker, conf.speaker_frames), (everyone, conf.global_frames)):
            if source is None:
                continue
            more = min(conf.cmn_window - stats[0, -1], most)
            more = min(more, source[0, -1]) if source is speaker else more
            stats = stats + max(more, 0) / source[0, -1] * source
        mean, scale = stats[0, :-1] / stats[0, -1], np.ones(len(frame))
        if conf.norm_vars:
            scale = 1 / np.sqrt(stats[1, :-1] / stats[0, -1] - mean**2)
        for column in conf.skipped:
            mean[column], scale[column] = 0, 1
        rows.append((frame - mean) * scale if conf.norm_means else frame)
    return np.array(rows)


def slow_log_likelihoods(ubm: DiagUbm, frame: np.ndarray) -> list[float]:
    found = []
    for weight, linear, invvars in zip(ubm.weights, ubm.means_invvars, ubm.invvars, strict=True):
        terms = [
            -0.5 * (np.log(2 * np.pi / p) + (x - m / p) ** 2 * p)
            for x, m, p in zip(frame.astype(float), linear.astype(float), invvars.astype(float), strict=True)
        ]
        found.append(float(np.log(float(weight))) + sum(terms))
    return found


def slow_posteriors(likes: Sequence[float], conf: IvectorConf, weight: float = 1.0) -> dict[int, float]:
    """Posteriors by Gaussian, as posterior.cc prunes them."""
    if weight == 0:
        return {}
    least, top = min(conf.min_post / abs(weight), 0.99), max(likes)
    kept = [(np.exp(like - top), -g) for g, like in enumerate(likes) if least == 0 or like > top + np.log(least)]
    kept = sorted(kept or [(np.exp(like - top), -g) for g, like in enumerate(likes)], reverse=True)[: conf.num_gselect]
    total = sum(post for post, _ in kept)
    cutoff = least * total
    while len(kept) > 1 and kept[-1][0] < cutoff:
        total -= kept.pop()[0]
    return {-g: float(post / total) for post, g in kept}


def slow_reads(frames: int, model: IvectorModel) -> list[list[int]]:
    """The frames that are spliced to each frame."""
    left, right = model.splice.left_context, model.splice.right_context
    return [[min(max(u, 0), frames - 1) for u in range(t - left, t + right + 1)] for t in range(frames)]


def slow_transformed(read: np.ndarray, model: IvectorModel) -> np.ndarray:
    """read: each frame with the frames around it, one after the other."""
    width, rows = model.splice.left_context + 1 + model.splice.right_context, []
    for start in range(0, len(read), width):
        row = np.concatenate(list(read[start : start + width])).astype(float)
        row = np.append(row, 1.0) if model.transform.shape[1] > len(row) else row
        rows.append(model.transform.astype(float) @ row)
    return np.array(rows)


def slow_ivectors(
    features: np.ndarray,
    model: IvectorModel,
    ends: Sequence[int],
    weights: Sequence[float] | None = None,
) -> np.ndarray:
    """Exact estimates: enough steps make conjugate gradients the solution of the linear system."""
    conf, extractor = model.conf, model.extractor
    reads = slow_reads(len(features), model)
    flat = [t for row in reads for t in row]
    normal = slow_transformed(slow_cmvn(features, model.cmvn, model.everyone, None, flat), model)
    given = normal if conf.online_cmvn_iextractor else slow_transformed(features[flat], model)
    linear, quadratic, frames, found = (
        np.zeros(model.dim),
        np.zeros((model.dim, model.dim)),
        0.0,
        [],
    )
    for t in range(len(features)):
        weight = 1.0 if weights is None else weights[t]
        for g, post in slow_posteriors(slow_log_likelihoods(model.ubm, normal[t]), conf, weight).items():
            gain = post * conf.posterior_scale * weight
            spread = extractor.projections[g].T @ extractor.precisions[g]
            linear, quadratic = (
                linear + gain * spread @ given[t],
                quadratic + gain * spread @ extractor.projections[g],
            )
            frames += gain
        if t in ends:
            prior = max(frames, conf.max_count) / conf.max_count if conf.max_count else 1.0
            mean = np.append(extractor.offset, np.zeros(model.dim - 1))
            found.append(np.linalg.solve(quadratic + prior * np.eye(model.dim), linear + prior * mean) - mean)
    return np.array(found)
