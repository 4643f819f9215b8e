"""What others did lately and what came of it before: waves and rates of filing again, by area, industry and name.

Where a register tells no industry, the words of names stand in for it (hotel, bank, airlines). A wave is the notices
of the last three months against the three years' pace; a rate is the share of employers at risk that filed again in
earlier months whose outcome had matured by the origin, drawn to the rate of all where there are few.
"""

from dataclasses import dataclass

import numpy as np

from models.notice_history import Floats, History, Ints

PRIOR_ROWS = 200.0
"""A group's rate counts as much as that of all once it has this many rows."""
PRIOR_NOTICES = 3.0
"""So many notices at the usual pace are added to both sides of a wave: a single notice is no wave."""


@dataclass(frozen=True)
class Rates:
    """Rows at risk and events among them, by area, industry (the last number: not told) and word."""

    area: tuple[Floats, Floats]
    industry: tuple[Floats, Floats]
    word: tuple[Floats, Floats]

    def plus(self, other: "Rates") -> "Rates":
        """Both together."""
        pairs = ((self.area, other.area), (self.industry, other.industry), (self.word, other.word))
        area, industry, word = ((one[0] + two[0], one[1] + two[1]) for one, two in pairs)
        return Rates(area, industry, word)


def rates_of(past: History, risk: Ints, area: Ints, industry: Ints, event: Floats) -> Rates:
    """The counts of one origin: ``risk`` are the employers there, the rest is told of each, shape (at risk,)."""
    at_risk, filed = np.zeros(len(past.employers)), np.zeros(len(past.employers))
    at_risk[risk], filed[risk] = 1.0, event
    told = np.where(industry < 0, len(past.industries), industry)
    return Rates(
        area=(_count(area, len(past.areas)), _count(area, len(past.areas), event)),
        industry=(_count(told, len(past.industries) + 1), _count(told, len(past.industries) + 1, event)),
        word=(_per_word(past, at_risk), _per_word(past, filed)),
    )


def rate_features(past: History, rates: Rates, risk: Ints, area: Ints, industry: Ints) -> dict[str, Floats]:
    """``area_rate``, ``industry_rate`` and the mean and highest rate of the words of each name, shape (at risk,)."""
    overall = (rates.area[1].sum() + 0.5) / (rates.area[0].sum() + 1.0)
    words = _drawn(rates.word, overall)
    return {
        "area_rate": _drawn(rates.area, overall)[area],
        "industry_rate": _drawn(rates.industry, overall)[np.where(industry < 0, len(past.industries), industry)],
        "word_rate": _mean_of_words(past, words, default=overall)[risk],
        "word_rate_highest": _highest_of_words(past, words, default=overall)[risk],
    }


def wave(lately: Floats, before: Floats, *, share: float) -> Floats:
    """Log of the notices ``lately`` over those ``before`` × ``share``, both drawn to no wave."""
    found: Floats = np.log((lately + PRIOR_NOTICES) / (before * share + PRIOR_NOTICES))
    return found


def word_features(past: History, lately: Floats, before: Floats, *, share: float, risk: Ints) -> dict[str, Floats]:
    """Mean and highest wave of the words of each name; ``lately`` and ``before`` count notices by employer.

    An employer's own notices are not part of what its words say.
    """
    late, long = _per_word(past, lately), _per_word(past, before)
    own = past.pair_employer
    others = wave(late[past.pair_word] - lately[own], long[past.pair_word] - before[own], share=share)
    count = np.bincount(own, minlength=len(past.employers))
    total = np.bincount(own, weights=others, minlength=len(past.employers))
    return {
        "word_wave": (total / np.maximum(count, 1))[risk],
        "word_wave_highest": _highest(past, others, default=0.0)[risk],
    }


def _count(group: Ints, size: int, weights: Floats | None = None) -> Floats:
    return np.bincount(group, weights=weights, minlength=size).astype(np.float64)


def _drawn(counts: tuple[Floats, Floats], overall: float) -> Floats:
    found: Floats = (counts[1] + PRIOR_ROWS * overall) / (counts[0] + PRIOR_ROWS)
    return found


def _per_word(past: History, of_employer: Floats) -> Floats:
    size = int(past.pair_word.max(initial=-1)) + 1
    return np.bincount(past.pair_word, weights=of_employer[past.pair_employer], minlength=size).astype(np.float64)


def _mean_of_words(past: History, of_word: Floats, *, default: float) -> Floats:
    count = np.bincount(past.pair_employer, minlength=len(past.employers))
    total = np.bincount(past.pair_employer, weights=of_word[past.pair_word], minlength=len(past.employers))
    return np.where(count > 0, total / np.maximum(count, 1), default)


def _highest_of_words(past: History, of_word: Floats, *, default: float) -> Floats:
    return _highest(past, of_word[past.pair_word], default=default)


def _highest(past: History, of_pair: Floats, *, default: float) -> Floats:
    """The highest of each employer's pairs, which stand together."""
    found = np.full(len(past.employers), default)
    if len(of_pair):
        starts = np.flatnonzero(np.r_[True, np.diff(past.pair_employer) > 0])
        found[past.pair_employer[starts]] = np.maximum.reduceat(of_pair, starts)
    return found
