"""Which i-vector goes with which frame: i-vectors change while an utterance is heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from asr_prune.features.online.settings import FbankConf, IvectorConf, MfccConf

Kind = Literal["period", "utterance", "chunk"]


@dataclass(frozen=True)
class Timing:
    """How an i-vector is chosen for each frame.

    kind: `period`, that of the last multiple of the model's ivector-period, as Kaldi's
    ivector-extract-online2 stores them; `utterance`, one from all frames, as with
    greedy-ivector-extractor; `chunk`, as in online decoding. The others are for `chunk`: size:
    frames that the network computes at once; right: frames after a frame that it reads; block:
    seconds of audio that arrive at once, in Vosk 0.2.
    """

    kind: Kind = "period"
    size: int = 24
    right: int = 0
    block: float = 0.2

    def choose(
        self, frames: int, conf: IvectorConf, base: MfccConf | FbankConf, lookahead: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Frames at which i-vectors are estimated, int [n], rising, and which of them each of
        `frames` frames has, int [frames].

        lookahead: frames after a frame that its i-vector needs, because of splicing.
        """
        recent, asked = self._asked(frames, conf, base, lookahead)
        if recent:
            return np.unique(asked, return_inverse=True)
        return np.arange(0, asked.max() + 1, conf.ivector_period), asked // conf.ivector_period

    def _asked(
        self, frames: int, conf: IvectorConf, base: MfccConf | FbankConf, lookahead: int
    ) -> tuple[bool, np.ndarray]:
        """Whether each i-vector asked for is the newest, and at which frame each frame asks."""
        if self.kind == "chunk":
            newest = conf.use_most_recent_ivector or conf.greedy_ivector_extractor
            return newest, self._of_chunks(frames, self._ready(frames, base), lookahead)
        if self.kind == "utterance" or conf.greedy_ivector_extractor:
            return True, np.full(frames, frames - 1)
        return False, np.arange(frames)

    def _ready(self, frames: int, base: MfccConf | FbankConf) -> np.ndarray:
        """Frames that are complete after each block of audio; the windows of the last ones may
        reach beyond the end.
        """
        shift, window = base.frame_shift / 1000, base.frame_length / 1000
        first = 0.0 if base.snip_edges else (shift - window) / 2
        heard = self.block * np.arange(1, 2 + int((frames * shift + window) / self.block))
        complete = np.floor((heard - window - first) / shift + 1e-9).astype(int) + 1
        return np.clip(complete, 0, frames)

    def _of_chunks(self, frames: int, ready: np.ndarray, lookahead: int) -> np.ndarray:
        """The frame whose i-vector each frame gets, int [frames].

        A chunk is computed as soon as its frames and the `right` after them are ready, with the
        newest i-vector; what is left when the audio ends, with that of the last frame. The network
        gets one i-vector for each chunk of frames that its first layer reads (nnet3's Round): the
        first chunk brings those of all the frames that it reads.
        """
        chunks = -(-frames // self.size)
        at = np.searchsorted(ready, (np.arange(chunks) + 1) * self.size + self.right)
        heard = np.append(ready - lookahead, frames)[at]
        ahead = (self.size + self.right - 1) // self.size
        chunk = np.clip(np.arange(frames) // self.size - ahead, 0, chunks - 1)
        return np.maximum(heard[chunk] - 1, 0)
