"""MFCC and filterbank features as of Kaldi's compute-{mfcc,fbank}-feats, by three backends."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any
from zlib import crc32

import numpy as np

from asr_prune.features.options import FeatureOptions
from asr_prune.process import torch_threads, torchaudio_imports

#: samples float32 [samples] in int16 range -> features float32 [frames, options.base_dim]
Compute = Callable[[np.ndarray], np.ndarray]


def make_compute(options: FeatureOptions) -> Compute:
    """The function that computes features of samples at `options.rate`.

    Samples that are shorter than a window give 0 frames. With `dither` the same samples get the
    same noise, whatever the process and the order. Raises UserError if torchaudio is requested and
    cannot be loaded, or the model of `type: online` cannot be read.
    """
    if options.type == "online":
        from asr_prune.features.online.front_end import model_compute  # imports this module

        return model_compute(options)
    compute = _BACKENDS[options.backend](options)
    return (lambda samples: compute(dithered(samples, options.dither))) if options.dither else compute


def dithered(samples: np.ndarray, dither: float) -> np.ndarray:
    """Samples float32 [samples] with noise of this deviation, the same for the same samples."""
    noise = np.random.default_rng(crc32(samples.tobytes())).standard_normal(len(samples))
    return (samples + dither * noise).astype(np.float32)


def _native(options: FeatureOptions) -> Compute:
    import kaldi_native_fbank as knf

    mfcc = options.type == "mfcc"
    settings: Any = knf.MfccOptions() if mfcc else knf.FbankOptions()
    settings.frame_opts.samp_freq = options.rate
    settings.frame_opts.frame_length_ms = options.frame_length_ms
    settings.frame_opts.frame_shift_ms = options.frame_shift_ms
    settings.frame_opts.dither = 0.0
    settings.mel_opts.num_bins = options.bins
    settings.mel_opts.low_freq = options.low_freq
    settings.mel_opts.high_freq = options.high_freq
    settings.use_energy = options.use_energy
    if mfcc:
        settings.num_ceps = options.ceps
    return native(knf.OnlineMfcc if mfcc else knf.OnlineFbank, settings, options.base_dim)


def native(make: Callable[[Any], Any], settings: Any, columns: int) -> Compute:
    """The function that computes features with a class of kaldi-native-fbank.

    make: OnlineMfcc or OnlineFbank; settings: its options, without dither; columns: of the features.
    """

    def compute(samples: np.ndarray) -> np.ndarray:
        engine = make(settings)
        # of the sequences that it accepts, an array of floats is the fastest
        engine.accept_waveform(settings.frame_opts.samp_freq, array("f", samples.tobytes()))
        engine.input_finished()
        frames = [engine.get_frame(frame) for frame in range(engine.num_frames_ready)]
        return np.array(frames, dtype=np.float32).reshape(len(frames), columns)

    return compute


def _torchaudio(options: FeatureOptions) -> Compute:
    import torch

    with torchaudio_imports("backend: torchaudio"):
        from torchaudio.compliance import kaldi

    settings: dict[str, Any] = {
        "sample_frequency": float(options.rate),
        "frame_length": options.frame_length_ms,
        "frame_shift": options.frame_shift_ms,
        "dither": 0.0,
        "num_mel_bins": options.bins,
        "low_freq": options.low_freq,
        "high_freq": options.high_freq,
        "use_energy": options.use_energy,
        "energy_floor": 0.0,
    }
    if options.type == "mfcc":
        settings["num_ceps"] = options.ceps
    function = kaldi.mfcc if options.type == "mfcc" else kaldi.fbank
    window = int(options.rate * options.frame_length_ms / 1000)

    def compute(samples: np.ndarray) -> np.ndarray:
        if len(samples) < window:
            return np.zeros((0, options.base_dim), np.float32)
        with torch_threads(1):  # the order of a sum depends on the threads; the bytes must not
            matrix = function(torch.from_numpy(samples)[None], **settings)
        return np.asarray(matrix.numpy(), dtype=np.float32)

    return compute


def _numpy(options: FeatureOptions) -> Compute:
    from asr_prune.features.batch import batch_features

    return batch_features(options)


_BACKENDS = {"native": _native, "torchaudio": _torchaudio, "numpy": _numpy}
