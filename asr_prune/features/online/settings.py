"""The options of Kaldi's online features, with Kaldi's names and defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class _WindowConf:
    """Of every kind of feature (feature-window.h, mel-computations.h)."""

    sample_frequency: float = 16000.0
    frame_length: float = 25.0
    frame_shift: float = 10.0
    dither: float = 1.0
    preemphasis_coefficient: float = 0.97
    remove_dc_offset: bool = True
    window_type: str = "povey"
    blackman_coeff: float = 0.42
    round_to_power_of_two: bool = True
    snip_edges: bool = True
    #: resampling and memory, which change no value; corpus.resample converts other rates
    allow_downsample: bool = False
    allow_upsample: bool = False
    max_feature_vectors: int = -1
    num_mel_bins: int = 23
    low_freq: float = 20.0
    high_freq: float = 0.0
    vtln_low: float = 100.0
    vtln_high: float = -500.0
    debug_mel: bool = False
    use_energy: bool = False
    energy_floor: float = 0.0
    raw_energy: bool = True
    htk_compat: bool = False

    def __post_init__(self) -> None:
        for name in ("sample_frequency", "frame_length", "frame_shift", "num_mel_bins"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name.replace('_', '-')} must be positive")


@dataclass(frozen=True)
class MfccConf(_WindowConf):
    """`mfcc.conf` (feature-mfcc.h)."""

    use_energy: bool = True
    num_ceps: int = 13
    cepstral_lifter: float = 22.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.num_ceps <= self.num_mel_bins:
            raise ValueError(f"num-ceps must be at most num-mel-bins ({self.num_mel_bins})")


@dataclass(frozen=True)
class FbankConf(_WindowConf):
    """`fbank.conf` (feature-fbank.h)."""

    use_log_fbank: bool = True
    use_power: bool = True


@dataclass(frozen=True)
class SpliceConf:
    """`splice.conf` (OnlineSpliceOptions)."""

    left_context: int = 4
    right_context: int = 4

    def __post_init__(self) -> None:
        if min(self.left_context, self.right_context) < 0:
            raise ValueError("left-context and right-context must not be negative")


@dataclass(frozen=True)
class CmvnConf:
    """`online_cmvn.conf` (OnlineCmvnOptions)."""

    cmn_window: int = 600
    speaker_frames: int = 600
    global_frames: int = 200
    norm_means: bool = True
    norm_vars: bool = False
    #: columns that stay as they are, as 13:14:15
    skip_dims: str = ""
    #: of Vosk's Kaldi alone: frames with a lower first value are not normalised by their own window
    cmn_min_energy: float = -math.inf

    def __post_init__(self) -> None:
        if self.cmn_window < 1:
            raise ValueError("cmn-window must be positive")
        if not 0 <= self.global_frames <= self.speaker_frames <= self.cmn_window:
            raise ValueError("global-frames must be at most speaker-frames, those at most cmn-window")
        if self.norm_vars and not self.norm_means:
            raise ValueError("norm-vars needs norm-means")
        if not all(part.isdecimal() for part in self.skip_dims.split(":") if self.skip_dims):
            raise ValueError("skip-dims must be numbers with colons between")

    @property
    def skipped(self) -> list[int]:
        """The columns of `skip_dims`."""
        return [int(part) for part in self.skip_dims.split(":")] if self.skip_dims else []


@dataclass(frozen=True)
class VoskCmvnConf(CmvnConf):
    """`online_cmvn.conf` with the default of Vosk's Kaldi."""

    cmn_min_energy: float = 50.0


#: the options of IvectorConf that name files
IVECTOR_FILES = (
    "lda_matrix",
    "global_cmvn_stats",
    "cmvn_config",
    "splice_config",
    "diag_ubm",
    "ivector_extractor",
)


@dataclass(frozen=True)
class IvectorConf:
    """`ivector_extractor.conf` (OnlineIvectorExtractionConfig); file names as the file has them."""

    lda_matrix: str = ""
    global_cmvn_stats: str = ""
    cmvn_config: str = ""
    splice_config: str = ""
    diag_ubm: str = ""
    ivector_extractor: str = ""
    online_cmvn_iextractor: bool = False
    ivector_period: int = 10
    num_gselect: int = 5
    min_post: float = 0.025
    posterior_scale: float = 0.1
    max_count: float = 0.0
    #: steps of conjugate gradients
    num_cg_iters: int = 15
    use_most_recent_ivector: bool = True
    greedy_ivector_extractor: bool = False
    max_remembered_frames: float = 1000.0

    def __post_init__(self) -> None:
        for name in ("ivector_period", "num_gselect"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name.replace('_', '-')} must be positive")
        if not 0 <= self.min_post < 0.5:
            raise ValueError("min-post must be at least 0 and below 0.5")
        if not 0 < self.posterior_scale <= 1:
            raise ValueError("posterior-scale must be above 0 and at most 1")
        if self.max_remembered_frames < 0 or self.max_count < 0:
            raise ValueError("max-remembered-frames and max-count must not be negative")


@dataclass(frozen=True)
class ChunkConf:
    """What `model.conf` says of the chunks of frames that a network is computed in
    (NnetSimpleLoopedComputationOptions).
    """

    frames_per_chunk: int = 24
    frame_subsampling_factor: int = 1

    def __post_init__(self) -> None:
        for name in ("frames_per_chunk", "frame_subsampling_factor"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name.replace('_', '-')} must be positive")

    @property
    def size(self) -> int:
        """Frames of a chunk: as many as are a multiple of the subsampling."""
        return -(-self.frames_per_chunk // self.frame_subsampling_factor) * self.frame_subsampling_factor


@dataclass(frozen=True)
class OnlineConf:
    """`online.conf` (OnlineNnet2FeaturePipelineConfig); file names as the file has them."""

    feature_type: str = "mfcc"
    mfcc_config: str = ""
    fbank_config: str = ""
    plp_config: str = ""
    cmvn_config: str = ""
    global_cmvn_stats: str = ""
    add_pitch: bool = False
    online_pitch_config: str = ""
    ivector_extraction_config: str = ""
