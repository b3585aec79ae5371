"""Student's t. scipy is loaded at the first call: it takes 0.3 s, and every verb reads this."""

from __future__ import annotations


def below(freedom: float, value: float) -> float:
    """Probability of a t, of so many degrees of freedom, below `value`."""
    from scipy.special import stdtr

    return float(stdtr(freedom, value))


def quantile(freedom: float, level: float) -> float:
    """The t below which a share `level` of them lies."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, level))


def wider(freedom: float, level: float) -> float:
    """How many times the quantile of the normal distribution that of t is."""
    from scipy.special import ndtri

    return quantile(freedom, level) / float(ndtri(level))
