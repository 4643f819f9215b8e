"""Employers of a cleaned register month by month: who may file again, what was known, and whether a notice followed.

One row per origin (the first day of a month) and employer at risk. Known are the notices dated before the origin less
the lag of publication; the event is a kept notice dated from the origin to the day before ``horizon`` months later.
At risk is every employer with a kept notice among those known: it enters with its first notice and stays, as in any
study of repeated events, because a register never tells that an employer is gone. No later row decides who stands in.
Times are in months; a feature that needs two notices is null with one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from models import notice_waves, splits
from models.notice_history import Bools, Floats, History, Ints, day_number, plus_months
from models.notice_waves import Rates

MONTH_DAYS = 365.25 / 12
SEED = 20_250_401
ORIGIN_STEP = 7_919
"""A prime: other employers are kept at each origin."""
WINDOWS = (1, 3, 6, 12, 24, 36)
LATELY, PACE = 3, 36
FEATURES: dict[str, int] = {
    **{f"notices_{months}m": 1 for months in WINDOWS},
    **{f"months_with_notice_{months}m": 1 for months in (12, 36)},
    **{f"new_sites_{months}m": 0 for months in (3, 12)},
    **{f"persons_{months}m": 0 for months in (3, 12)},
    **{f"amendments_{months}m": 0 for months in (3, 12)},
    **dict.fromkeys(("notices", "months_with_notice", "sites", "areas"), 1),
    **dict.fromkeys(("since_last", "since_first", "last_interval", "mean_interval", "interval_spread"), 0),
    **dict.fromkeys(("since_against_interval", "last_persons", "last_closure", "until_start", "closures"), 0),
    **dict.fromkeys(("area_notices_3m", "area_wave", "industry_notices_3m", "industry_wave"), 0),
    **dict.fromkeys(("word_wave", "word_wave_highest", "family_notices_3m", "family_notices_12m"), 0),
    **dict.fromkeys(("national_wave", "national_wave_1m", "season_sine", "season_cosine"), 0),
    **dict.fromkeys(("area_rate", "industry_rate", "word_rate", "word_rate_highest"), 1),
}
"""Feature → sign of its effect where the meaning dictates one: who filed more, or is like those who file again."""


@dataclass(frozen=True)
class Question:
    """A kept notice within ``horizon`` months of the origin, by what was noticed ``lag_days`` and more before it.

    ``memory_months`` would end the risk so long after the last known notice; None never ends it. Rates are taken from
    the outcomes of ``rate_months``.
    """

    horizon: int = 3
    lag_days: int = 0
    memory_months: int | None = None
    rate_months: int = 36

    @property
    def matures_after(self) -> int:
        """Months from an origin until its outcome is known, the lag included."""
        return self.horizon + (self.lag_days + 30) // 31


def origins_between(first: date, last: date) -> tuple[date, ...]:
    """The first days of the months from ``first`` to ``last``."""
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return tuple(plus_months(first, step) for step in range(count))


def panel(
    past: History, origins: Sequence[date], question: Question, *, quiet_share: float = 1.0, is_dealt: bool = False
) -> pl.DataFrame:
    """Rows at ``origins`` in order of origin and employer: keys, ``FEATURES`` and ``event``.

    Of rows without an event only a fixed ``quiet_share`` is kept, the same at every call. With ``is_dealt`` the
    outcomes of each origin are dealt anew among its rows: a check that leaves nothing to be learned.
    """
    matured, frames = _Matured(past, question), []
    for origin in sorted(origins):
        at = _At(past, origin, question)
        event = at.event()
        if is_dealt:
            event = np.random.default_rng([SEED, at.first]).permutation(event)
        frame = at.frame(matured.before(origin)).with_columns(pl.Series("event", event, dtype=pl.Boolean))
        kept = event | splits.sample(at.risk + at.first * ORIGIN_STEP, share=quiet_share)
        frames.append(frame.filter(pl.Series(kept, dtype=pl.Boolean)))
    return pl.concat(frames)


class _At:
    """What is known at one origin. ``risk`` are the employers at risk; features have shape (at risk,)."""

    def __init__(self, past: History, origin: date, question: Question) -> None:
        self.past, self.origin, self.question = past, origin, question
        self.first = day_number(origin)
        self.cut = self.first - question.lag_days
        self.count = int(np.searchsorted(past.kept.day, self.cut))
        self.size = len(past.employers)
        self.employer = past.kept.employer[: self.count]
        self.last_row = np.full(self.size, -1, dtype=np.int64)
        self.last_row[self.employer] = np.arange(self.count)
        seen = self.last_row >= 0
        if question.memory_months is not None:
            oldest = day_number(plus_months(origin, -question.memory_months))
            seen &= past.kept.day[np.maximum(self.last_row, 0)] >= oldest if self.count else False
        self.risk = np.flatnonzero(seen)
        self.last = self.last_row[self.risk]
        self.area = past.kept.area[self.last]
        self.industry = self._latest_told(past.kept.industry)

    def event(self) -> Bools:
        """Whether each employer at risk filed a kept notice from the origin to the end of the horizon."""
        kept, end = self.past.kept, day_number(plus_months(self.origin, self.question.horizon))
        start, stop = np.searchsorted(kept.day, [self.first, end])
        filed = np.zeros(self.size, dtype=np.bool_)
        filed[kept.employer[start:stop]] = True
        return filed[self.risk]

    def rates(self) -> Rates:
        """What happened here, for later origins."""
        return notice_waves.rates_of(self.past, self.risk, self.area, self.industry, self.event().astype(np.float64))

    def frame(self, before: Rates) -> pl.DataFrame:
        """The rows at risk: keys and features."""
        rates = notice_waves.rate_features(self.past, before, self.risk, self.area, self.industry)
        features = {**self._counts(), **self._rhythm(), **self._last_notice(), **self._waves(), **rates}
        origin = pl.Series([self.origin] * len(self.risk), dtype=pl.Date)
        keys = {"origin": origin, "employer_no": self.risk, "area_no": self.area}
        return pl.DataFrame({**keys, **{name: features[name] for name in FEATURES}}).with_columns(
            pl.col(list(FEATURES)).cast(pl.Float64).fill_nan(None)
        )

    def _latest_told(self, values: Ints) -> Ints:
        told = np.flatnonzero(values[: self.count] >= 0)
        found = np.full(self.size, -1, dtype=np.int64)
        found[self.employer[told]] = values[told]
        return found[self.risk]

    def _start(self, days: Ints, months: int) -> int:
        """The first place in ``days`` within the last ``months`` of what is known."""
        oldest = day_number(plus_months(self.origin, -months)) - self.question.lag_days
        return int(np.searchsorted(days, oldest))

    def _sum(self, months: int | None, weights: Floats | Bools | None = None) -> Floats:
        """Sum of ``weights`` (else the count) over every employer's known notices of the last ``months``."""
        start = 0 if months is None else self._start(self.past.kept.day, months)
        own = None if weights is None else weights[start : self.count].astype(np.float64)
        return np.bincount(self.employer[start:], weights=own, minlength=self.size).astype(np.float64)

    def _counts(self) -> dict[str, Floats]:
        kept, persons = self.past.kept, np.nan_to_num(self.past.kept.persons)
        found = {f"notices_{months}m": self._sum(months) for months in WINDOWS}
        found |= {f"months_with_notice_{months}m": self._sum(months, kept.first_of_month) for months in (12, 36)}
        found |= {f"new_sites_{months}m": self._sum(months, kept.first_of_site) for months in (3, 12)}
        found |= {f"persons_{months}m": self._sum(months, persons) for months in (3, 12)}
        found |= {f"amendments_{months}m": self._amendments(months) for months in (3, 12)}
        found |= {"notices": self._sum(None), "months_with_notice": self._sum(None, kept.first_of_month)}
        found |= {"sites": self._sum(None, kept.first_of_site), "areas": self._sum(None, kept.first_of_area)}
        return {name: values[self.risk] for name, values in found.items()}

    def _amendments(self, months: int) -> Floats:
        past = self.past
        rows = slice(self._start(past.amended_day, months), int(np.searchsorted(past.amended_day, self.cut)))
        return np.bincount(past.amended_employer[rows], minlength=self.size).astype(np.float64)

    def _rhythm(self) -> dict[str, Floats]:
        """Time since the last notice, and against the employer's own intervals."""
        kept, risk, gap = self.past.kept, self.risk, self.past.kept.gap[: self.count]
        since = (self.first - kept.day[self.last]).astype(np.float64)
        first_day = np.zeros(self.size, dtype=np.int64)
        first_day[self.employer[::-1]] = kept.day[: self.count][::-1]
        known_gaps = np.flatnonzero(~np.isnan(gap))
        last_gap = np.full(self.size, np.nan)
        last_gap[self.employer[known_gaps]] = gap[known_gaps]
        filled = np.nan_to_num(kept.gap)
        total, squares = self._sum(None, filled)[risk], self._sum(None, filled**2)[risk]
        intervals = self._sum(None, kept.first_of_day)[risk] - 1
        mean = np.where(intervals >= 1, total / np.maximum(intervals, 1), np.nan)
        spread = np.sqrt(np.maximum(squares / np.maximum(intervals, 1) - mean**2, 0))
        return {
            "since_last": since / MONTH_DAYS,
            "since_first": (self.first - first_day[risk]) / MONTH_DAYS,
            "last_interval": last_gap[risk] / MONTH_DAYS,
            "mean_interval": mean / MONTH_DAYS,
            "interval_spread": np.where(intervals >= 2, spread / mean, np.nan),
            "since_against_interval": since / mean,
        }

    def _last_notice(self) -> dict[str, Floats]:
        """Persons, closing or not, and how far off the layoffs of the last notice are (gone by: negative)."""
        kept = self.past.kept
        return {
            "last_persons": kept.persons[self.last],
            "last_closure": kept.closure[self.last],
            "until_start": (kept.starts[self.last] - self.first) / MONTH_DAYS,
            "closures": self._sum(None, np.nan_to_num(kept.closure))[self.risk],
        }

    def _waves(self) -> dict[str, Floats]:
        """How many notices there were lately: in the area, the industry, of like names, everywhere."""
        past, share = self.past, LATELY / PACE
        lately, before = self._sum(LATELY), self._sum(PACE)
        found = notice_waves.word_features(past, lately, before, share=share, risk=self.risk)
        for name, group, own in (
            ("area", past.kept.area, self.area),
            ("industry", past.kept.industry, self.industry),
        ):
            late, long = self._by_group(group, LATELY), self._by_group(group, PACE)
            waves = notice_waves.wave(late, long, share=share)
            found[f"{name}_notices_3m"] = np.where(own >= 0, late[own], np.nan)
            found[f"{name}_wave"] = np.where(own >= 0, waves[own], np.nan)
        for months in (3, 12):
            mine = self._sum(months)
            sisters = np.bincount(past.family, weights=mine, minlength=int(past.family.max(initial=-1)) + 1)
            found[f"family_notices_{months}m"] = (sisters[past.family] - mine)[self.risk]
        one = np.array([self._sum(1).sum()])
        everywhere = (np.array([lately.sum()]), np.array([before.sum()]))
        angle = 2 * np.pi * (self.origin.month - 1) / 12
        same = {
            "national_wave": notice_waves.wave(*everywhere, share=share)[0],
            "national_wave_1m": notice_waves.wave(one, everywhere[1], share=1 / PACE)[0],
            "season_sine": np.sin(angle),
            "season_cosine": np.cos(angle),
        }
        return found | {name: np.full(len(self.risk), value) for name, value in same.items()}

    def _by_group(self, group: Ints, months: int) -> Floats:
        rows = group[self._start(self.past.kept.day, months) : self.count]
        size = int(group.max(initial=0)) + 1
        return np.bincount(rows[rows >= 0], minlength=size).astype(np.float64)


class _Matured:
    """The outcomes of earlier origins, each once it had matured."""

    def __init__(self, past: History, question: Question) -> None:
        self.past, self.question = past, question
        self._known: dict[date, Rates] = {}

    def before(self, origin: date) -> Rates:
        """All outcomes of the months of ``rate_months`` that had matured at ``origin``."""
        first, *others = self._matured(origin)
        found = self._at(first)
        for earlier in others:
            found = found.plus(self._at(earlier))
        return found

    def _at(self, origin: date) -> Rates:
        if origin not in self._known:
            self._known[origin] = _At(self.past, origin, self.question).rates()
        return self._known[origin]

    def _matured(self, origin: date) -> Iterator[date]:
        latest = self.question.matures_after
        for step in range(latest, latest + max(self.question.rate_months, 1), self.question.horizon):
            yield plus_months(origin, -step)
