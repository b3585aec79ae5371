"""The `features:` block of a recipe."""

from __future__ import annotations

from typing import ClassVar, Literal

from asr_prune.errors import counted
from asr_prune.features.mel_bins import most_bins
from asr_prune.options import options


@options
class FeatureOptions:
    """Features as Kaldi's compute-{mfcc,fbank}-feats, apply-cmvn and add-deltas compute them."""

    #: options that came later: at their defaults, no finished work is out of date for them
    LATER: ClassVar[tuple[str, ...]] = ("model", "ivectors", "right_context")

    #: mfcc: cepstra; fbank: log-mel filterbank energies; hmm (network only): the features of the
    #: GMM-HMM's last pass; online (network only): those of `model`
    type: Literal["mfcc", "fbank", "hmm", "online"] = "mfcc"
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
    #: (network only): by one mean and deviation, those of the training data, for runtimes that hear
    #: speech as it comes; every network takes them off its inputs itself, also with none
    cmvn: Literal["speaker", "utterance", "global", "none"] = "speaker"
    #: with speaker and utterance: normalise the variance as well as the mean
    cmvn_variance: bool = False
    #: what computes the features: kaldi-native-fbank, torchaudio, or numpy, which takes 0.4 of
    #: the time. Values differ by about 0.001 at most, so that results change slightly
    backend: Literal["native", "torchaudio", "numpy"] = "native"
    #: folder of finished features to use instead of computing them: Kaldi's feats.scp (and
    #: cmvn.scp) in train, dev and test; of the other options, only deltas and cmvn apply
    archives: str = ""
    #: directory of a Kaldi or Vosk model, for type online: frames as its conf files say, then the
    #: values of an i-vector if it has an extractor. Needs cmvn: none and deltas: 0; of the other
    #: options, only rate, resample and frame_shift_ms apply, which must be the model's
    model: str = ""
    #: which i-vector a frame gets. period: that of the model's last ivector-period, from the frames
    #: up to there, as in Kaldi's training; utterance: one from all frames; chunk: the newest one
    #: when Kaldi's online decoding, or Vosk, computes the chunk of frames
    ivectors: Literal["period", "utterance", "chunk"] = "period"
    #: frames after a frame that the model's network reads; for ivectors chunk
    right_context: int = 0

    def __post_init__(self) -> None:
        for name in ("bins", "ceps", "frame_length_ms", "frame_shift_ms"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        for name in ("deltas", "dither", "low_freq", "right_context"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")
        if self.rate not in (8000, 16000):
            raise ValueError(f"rate must be 8000 or 16000, not {self.rate}")
        if (self.type == "online") != bool(self.model):
            raise ValueError("model must be given with type online, and only with it")
        if self.type == "online" and (self.cmvn != "none" or self.deltas or self.archives):
            needs = "cmvn: none and deltas: 0, without archives"
            raise ValueError(f"type online normalises as its model does; set {needs}")
        if self.type == "mfcc" and self.ceps > self.bins:
            raise ValueError(f"ceps must be at most bins ({self.bins}), not {self.ceps}")
        if not self.low_freq < self.top_freq <= self.rate / 2:
            edges = f"low_freq ({self.low_freq}) and half the rate ({self.rate / 2})"
            raise ValueError(f"high_freq must be between {edges}, not {self.top_freq}")
        if self.type in ("mfcc", "fbank") and not self.archives:
            self._check_frames()
            self._check_bins()

    def _check_frames(self) -> None:
        for name, least in (("frame_shift_ms", 1), ("frame_length_ms", 2)):
            if int(self.rate * getattr(self, name) / 1000) < least:
                samples = f"{counted(range(least), 'sample')} at {self.rate} Hz, {least * 1000 / self.rate:g}"
                raise ValueError(f"{name} must be at least {samples}, not {getattr(self, name):g}")

    def _check_bins(self) -> None:
        window = int(self.rate * self.frame_length_ms / 1000)
        most = most_bins(self.bins, (self.low_freq, self.top_freq), self.rate, window)
        if most < self.bins:
            where = f"windows of {self.frame_length_ms:g} ms at {self.rate} Hz"
            raise ValueError(f"bins must be at most {most} for {where}, not {self.bins}")

    @property
    def top_freq(self) -> float:
        """Upper edge of the highest filter in hertz."""
        return self.high_freq if self.high_freq > 0 else self.rate / 2 + self.high_freq

    @property
    def normalised(self) -> bool:
        """Whether each speaker or utterance is normalised by statistics of its own."""
        return self.cmvn in ("speaker", "utterance")

    @property
    def base_dim(self) -> int:
        """Columns of the features as stored, without deltas; not valid for `archives`.

        Raises UserError if they are those of a model that cannot be read.
        """
        if self.type == "online":
            from asr_prune.features.online.front_end import model_columns  # numpy

            return model_columns(self.model)
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
        if self.type in ("hmm", "online"):
            needs = "the GMM-HMM needs mfcc or fbank"
            raise ValueError(f"type {self.type} is for features.network; {needs}")
        if self.cmvn == "global":
            raise ValueError("cmvn global is for features.network; the GMM-HMM needs speaker, utterance or none")


@options
class NetworkFeatureOptions(FeatureOptions):
    """Features of the network, by default 40 log-mel filterbank energies."""

    #: as FeatureOptions says
    type: Literal["mfcc", "fbank", "hmm", "online"] = "fbank"
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
