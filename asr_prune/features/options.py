"""The `features:` block of a recipe."""

from __future__ import annotations

from typing import Literal

from asr_prune.options import options


@options
class FeatureOptions:
    """Features as Kaldi's compute-{mfcc,fbank}-feats, apply-cmvn and add-deltas compute them."""

    #: mfcc: cepstra; fbank: log-mel filterbank energies; hmm (network only): the features of the
    #: GMM-HMM's last pass
    type: Literal["mfcc", "fbank", "hmm"] = "mfcc"
    #: number of triangular mel filters
    bins: int = 23
    #: number of cepstra, including c0 or the energy; mfcc only
    ceps: int = 13
    #: window length in milliseconds
    frame_length_ms: float = 25.0
    #: step between windows in milliseconds
    frame_shift_ms: float = 10.0
    #: noise added to the samples, in int16 units, the same for the same samples; Kaldi's default is
    #: 1, drawn anew for each frame
    dither: float = 0.0
    #: sampling rate in hertz, 8000 or 16000; by default corpus.rate, which it must equal
    rate: int = 16000
    #: resample audio of another rate (true), or skip and count it (false); by default
    #: corpus.resample
    resample: bool = False
    #: lower edge of the lowest filter in hertz
    low_freq: float = 20.0
    #: upper edge of the highest filter in hertz; 0 or less is relative to half the rate
    high_freq: float = 0.0
    #: use the log energy of the frame: in place of c0 (mfcc), or as an additional first column
    #: (fbank)
    use_energy: bool = False
    #: order of the differences that are appended (1: deltas; 2: deltas and delta-deltas)
    deltas: int = 0
    #: whether means (and variances) are normalised per speaker, per utterance or not at all; global
    #: (network only): one mean and variance of the training set, which the network itself applies
    cmvn: Literal["speaker", "utterance", "global", "none"] = "speaker"
    #: normalise the variance as well as the mean
    cmvn_variance: bool = False
    #: what computes the features: kaldi-native-fbank, torchaudio, or numpy, which takes 0.4 of
    #: the time. Values differ by about 0.001 at most, so that results change slightly
    backend: Literal["native", "torchaudio", "numpy"] = "native"
    #: folder of finished features to use instead of computing them: Kaldi's feats.scp (and
    #: cmvn.scp) in train, dev and test; of the other options, only deltas and cmvn apply
    archives: str = ""

    def __post_init__(self) -> None:
        for name in ("bins", "ceps", "frame_length_ms", "frame_shift_ms"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        for name in ("deltas", "dither", "low_freq"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")
        if self.rate not in (8000, 16000):
            raise ValueError(f"rate must be 8000 or 16000, not {self.rate}")
        if self.type == "mfcc" and self.ceps > self.bins:
            raise ValueError(f"ceps must be at most bins ({self.bins}), not {self.ceps}")
        if not self.low_freq < self.top_freq <= self.rate / 2:
            edges = f"low_freq ({self.low_freq}) and half the rate ({self.rate / 2})"
            raise ValueError(f"high_freq must be between {edges}, not {self.top_freq}")

    @property
    def normalised(self) -> bool:
        """Whether features are normalised before they are read; with `global`, networks do it."""
        return self.cmvn in ("speaker", "utterance")

    @property
    def top_freq(self) -> float:
        """Upper edge of the highest filter in hertz."""
        return self.high_freq if self.high_freq > 0 else self.rate / 2 + self.high_freq

    @property
    def base_dim(self) -> int:
        """Columns of the features as stored, without deltas; not valid for `archives`."""
        return self.ceps if self.type == "mfcc" else self.bins + int(self.use_energy)

    @property
    def dim(self) -> int:
        """Columns of the features as loaded, with deltas."""
        return self.base_dim * (self.deltas + 1)


@options
class HmmFeatureOptions(FeatureOptions):
    """Features of the GMM-HMM, by default 13 cepstra with deltas and delta-deltas."""

    #: as FeatureOptions says
    deltas: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.type == "hmm":
            raise ValueError("type hmm is for features.network; the GMM-HMM needs mfcc or fbank")
        if self.cmvn == "global":
            raise ValueError("cmvn global is for features.network; the GMM-HMM needs speaker, utterance or none")


@options
class NetworkFeatureOptions(FeatureOptions):
    """Features of the network, by default 40 log-mel filterbank energies."""

    #: as FeatureOptions says
    type: Literal["mfcc", "fbank", "hmm"] = "fbank"
    #: as FeatureOptions says
    bins: int = 40

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.type == "hmm" and self.archives:
            remedy = "set features.hmm.archives instead"
            raise ValueError(f"archives are not read with type hmm; {remedy}")


@options
class FeaturesOptions:
    """Features of the GMM-HMM that labels the frames, and of the network."""

    #: features of the GMM-HMM
    hmm: HmmFeatureOptions = HmmFeatureOptions()
    #: features of the network
    network: NetworkFeatureOptions = NetworkFeatureOptions()

    @property
    def need_audio(self) -> bool:
        """Whether any features are computed rather than read from archives."""
        return not self.hmm.archives or (self.network.type != "hmm" and not self.network.archives)

    def check_rate(self, rate: int) -> None:
        """Raises ValueError if features would be computed at another rate than `rate` hertz."""
        for name, kind in (("hmm", self.hmm), ("network", self.network)):
            if kind.rate != rate and not kind.archives and kind.type != "hmm":
                raise ValueError(f"features.{name}.rate ({kind.rate}) must be corpus.rate ({rate})")
