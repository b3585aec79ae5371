"""Logarithms to base 10 as toolkits write them in ARPA files."""

from __future__ import annotations

import re

#: numbers that every reader of ARPA files understands
SIMPLE = re.compile(r"[-+]?(\d{1,9}\.?\d*|\.\d+)(e-\d\d?)?", re.ASCII | re.IGNORECASE)
#: with an exponent of three digits, as in Windows: -1.2e-005
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)
#: the logarithm of zero, in Unix and in Windows
_OF_ZERO = re.compile(r"-(inf|infinity|1\.#inf0*)", re.ASCII | re.IGNORECASE)
#: how SRILM writes the logarithm of zero
_LOG_ZERO = "-99"
#: range of single precision, in which Kaldi reads numbers
_LARGEST, _SMALLEST = 1e38, 1e-37


def is_log(text: str) -> bool:
    """Whether `text` is a finite logarithm, or that of zero."""
    return bool(_OF_ZERO.fullmatch(text) or (_NUMBER.fullmatch(text) and abs(float(text)) < _LARGEST))


def plain_log(text: str) -> str:
    """The same number in the form SIMPLE; -99 for the logarithm of zero, as SRILM writes it."""
    if _OF_ZERO.fullmatch(text):
        return _LOG_ZERO
    if SIMPLE.fullmatch(text):
        return text
    return repr(float(text)) if abs(float(text)) > _SMALLEST else "0"
