"""Cepstra and filterbanks by a model's `mfcc.conf` or `fbank.conf`."""

from __future__ import annotations

from typing import Any

from asr_prune.features.compute import Compute, dithered, native
from asr_prune.features.online.settings import FbankConf, MfccConf

#: fields of kaldi-native-fbank's options that are called otherwise than Kaldi's
_FRAME = {
    "samp_freq": "sample_frequency",
    "frame_length_ms": "frame_length",
    "frame_shift_ms": "frame_shift",
    "preemph_coeff": "preemphasis_coefficient",
    "remove_dc_offset": "remove_dc_offset",
    "window_type": "window_type",
    "blackman_coeff": "blackman_coeff",
    "round_to_power_of_two": "round_to_power_of_two",
    "snip_edges": "snip_edges",
}
_MEL = {"num_bins": "num_mel_bins", "low_freq": "low_freq", "high_freq": "high_freq"}
_MEL |= {"vtln_low": "vtln_low", "vtln_high": "vtln_high"}
_OWN = ("use_energy", "energy_floor", "raw_energy", "htk_compat")


def base_dim(conf: MfccConf | FbankConf) -> int:
    """Columns of the features."""
    return conf.num_ceps if isinstance(conf, MfccConf) else conf.num_mel_bins + int(conf.use_energy)


def make_base(conf: MfccConf | FbankConf) -> Compute:
    """The function that computes the features of samples at `conf.sample_frequency`.

    The noise of `dither`, which Kaldi draws anew for each frame, is the same for the same samples.
    """
    import kaldi_native_fbank as knf

    mfcc = isinstance(conf, MfccConf)
    settings: Any = knf.MfccOptions() if mfcc else knf.FbankOptions()
    own = (*_OWN, *(("num_ceps", "cepstral_lifter") if mfcc else ("use_log_fbank", "use_power")))
    for part, names in (
        (settings.frame_opts, _FRAME),
        (settings.mel_opts, _MEL),
        (settings, {name: name for name in own}),
    ):
        for theirs, ours in names.items():
            setattr(part, theirs, getattr(conf, ours))
    settings.frame_opts.dither = 0.0
    compute = native(knf.OnlineMfcc if mfcc else knf.OnlineFbank, settings, base_dim(conf))
    return (lambda samples: compute(dithered(samples, conf.dither))) if conf.dither else compute
