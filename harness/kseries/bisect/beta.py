# SPDX-License-Identifier: GPL-2.0-only
"""The beta distribution, which Python's own library does not have."""

import math

_TINY = 1e-300
_EXACT = 1e-12
_TERMS = 10000


def log(first: float, second: float) -> float:
    """The logarithm of the beta function."""
    return math.lgamma(first) + math.lgamma(second) - math.lgamma(first + second)


def below(at: float, first: float, second: float) -> float:
    """How likely a value of the beta distribution is not above ``at``: the regularized incomplete beta function.

    By its continued fraction, DLMF 8.17.22 (https://dlmf.nist.gov/8.17#v), which converges fast up to the mean.
    """
    if at <= 0 or at >= 1:
        return float(at >= 1)
    if at > (first + 1) / (first + second + 2):
        return 1 - below(1 - at, second, first)
    front = math.exp(first * math.log(at) + second * math.log1p(-at) - log(first, second)) / first
    return front / _fraction(at, first, second)


def _fraction(at: float, first: float, second: float) -> float:
    """1 + d1/(1 + d2/(1 + ...)), by Lentz's method as Thompson and Barnett have it."""
    value = upper = 1.0
    lower = 0.0
    for term in range(1, _TERMS):
        step = _coefficient(term, at, first, second)
        lower = 1 / ((1 + step * lower) or _TINY)
        upper = (1 + step / upper) or _TINY
        value *= upper * lower
        if abs(upper * lower - 1) < _EXACT:
            break
    return value


def _coefficient(term: int, at: float, first: float, second: float) -> float:
    half = term // 2
    if term % 2:
        return -(first + half) * (first + second + half) * at / ((first + 2 * half) * (first + 2 * half + 1))
    return half * (second - half) * at / ((first + 2 * half - 1) * (first + 2 * half))
