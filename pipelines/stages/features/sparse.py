"""Sources that speak of some enterprises only: monthly rows as (month × enterprise) arrays, and dated events.

One shape for all of them. The last column of every array stands for each enterprise that the source does not name: in a
register that lists all there is (claims, hires) it has had nothing, anywhere else nothing is known of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipelines.stages.features.masked import (
    MISSING,
    Bools,
    Ints,
    Masked,
    Months,
    at,
    empty,
    full_window,
    months_of,
    unknown_months,
)

FLAGS_PER_PLACE = 8


@dataclass(frozen=True)
class Monthly:
    """One source of one bucket from month ``first`` (ordinal) on: arrays of (month × named enterprises and one more).

    ``position`` are the places of the named enterprises in the bucket; ``spoken`` says where they have a row.
    """

    first: int
    position: Ints
    spoken: Bools
    columns: dict[str, Months]


@dataclass(frozen=True)
class Seen:
    """A monthly source as one origin may see it: rows up to ``t`` and none after, for ``count`` enterprises."""

    panel: Monthly
    t: int
    count: int

    @property
    def month(self) -> int:
        """The origin's month of this source, an ordinal."""
        return self.panel.first + self.t

    @property
    def width(self) -> int:
        """Columns of the arrays."""
        return len(self.panel.position) + 1

    def at(self, name: str, *, lag: int = 0) -> Masked:
        """Column ``name`` of the month ``lag`` months before the origin."""
        return at(self.panel.columns[name], self.t - lag)

    def total(self, name: str, *, months: int, lag: int = 0) -> Masked:
        """Sum of ``months`` months, the last of them ``lag`` months before the origin; missing unless all are known."""
        return full_window(self.panel.columns[name], self.t - lag, count=months)

    def row_at(self, lag: int) -> Bools:
        """Who has a row in the month ``lag`` months before the origin."""
        inside = 0 <= self.t - lag < self.panel.spoken.shape[0]
        return self.panel.spoken[self.t - lag] if inside else np.zeros(self.width, dtype=np.bool_)

    def run(self, name: str, *, most: int) -> Masked:
        """Months in a row, ending with the origin and at most ``most``, in which column ``name`` is more than zero."""
        now = self.at(name)
        months = np.zeros(self.width, dtype=np.int64)
        going = now.valid.copy()
        for lag in range(most):
            going &= self.at(name, lag=lag).values > 0
            months += going
        return Masked(months, now.valid)

    def silent_months(self, *, most: int) -> Masked:
        """Months since each enterprise's latest row, up to ``most``; missing where there is none within them."""
        since = np.zeros(self.width, dtype=np.int64)
        heard = np.zeros(self.width, dtype=np.bool_)
        for lag in range(most + 1):
            heard |= self.row_at(lag)
            since += ~heard
        return Masked(since, heard)

    def picked(self, name: str, since: Masked, *, before: int = 0) -> Masked:
        """Column ``name`` of each enterprise's own month, ``since`` + ``before`` months before the origin."""
        row = self.t - since.values - before
        inside = since.valid & (row >= 0)
        if not inside.any():
            return empty(self.width, dtype=np.int64)
        place = np.where(inside, row, 0), np.arange(self.width)
        column = self.panel.columns[name]
        valid = inside & column.valid[place]
        return Masked(np.where(valid, column.values[place], 0), valid)

    def spread(self, values: Mapping[str, Masked]) -> dict[str, Masked]:
        """``values`` at the enterprises' own places; those not named get what the last column has."""
        return {name: self._spread(value) for name, value in values.items()}

    def _spread(self, value: Masked) -> Masked:
        values = np.full(self.count, value.values[-1], dtype=value.values.dtype)
        valid = np.full(self.count, value.valid[-1], dtype=np.bool_)
        values[self.panel.position] = value.values[:-1]
        valid[self.panel.position] = value.valid[:-1]
        return Masked(values, valid)


def unseen(columns: tuple[str, ...], *, month: int, count: int) -> Seen:
    """A source that never came, or no longer speaks, at an origin in ``month``: all that is read from it is missing."""
    nobody = np.zeros(0, dtype=np.int64)
    nothing = unknown_months((0, 1))
    panel = Monthly(first=month + 1, position=nobody, spoken=nothing.valid, columns=dict.fromkeys(columns, nothing))
    return Seen(panel=panel, t=-1, count=count)


def monthly_panel(
    rows: pl.DataFrame, *, columns: tuple[str, ...], first: int, covered: Bools, is_register: bool
) -> Monthly:
    """The rows of one bucket, keyed by ``place`` and ``ordinal``, one per enterprise and month.

    In a register the months ``covered`` count 0 where an enterprise has no row; otherwise they are missing.
    """
    position, place = compact(rows["place"].to_numpy())
    month = rows["ordinal"].to_numpy() - first
    shape = (len(covered), len(position) + 1)
    spoken = np.zeros(shape, dtype=np.bool_)
    spoken[month, place] = True
    dense = {}
    for name in columns:
        array = np.full(shape, MISSING, dtype=np.int64)
        if is_register:
            array[covered] = 0
        array[month, place] = rows[name].fill_null(MISSING).to_numpy()
        dense[name] = months_of(array)
    return Monthly(first=first, position=position.astype(np.int64), spoken=spoken, columns=dense)


def compact(places: Ints) -> tuple[Ints, Ints]:
    """The distinct places (numbers from 0 on) in order, and of each place which of them it is.

    A flag per number is faster than a sort, as long as there are not many more numbers than places.
    """
    if places.max(initial=-1) >= FLAGS_PER_PLACE * len(places):
        return np.unique(places, return_inverse=True)
    named = np.zeros(int(places.max(initial=-1)) + 1, dtype=np.bool_)
    named[places] = True
    return np.flatnonzero(named).astype(np.int64), (np.cumsum(named) - 1)[places]


@dataclass(frozen=True)
class Events:
    """Dated events of one bucket, one entry per event: where, on which day (date ordinal), of which kind."""

    place: Ints
    day: Ints
    columns: dict[str, Ints]


def events_panel(rows: pl.DataFrame, *, columns: tuple[str, ...]) -> Events:
    """The events of one bucket from rows with place, day and ``columns``."""
    return Events(
        place=rows["place"].to_numpy().astype(np.int64),
        day=rows["day"].to_numpy().astype(np.int64),
        columns={name: rows[name].fill_null(MISSING).to_numpy().astype(np.int64) for name in columns},
    )


@dataclass(frozen=True)
class Dated:
    """Events as the origin ``day`` may see them: those up to ``reached`` and none after it.

    ``reached`` is the day of the latest event of the city that was known by then, None where the source never came. A
    window in which the source has said nothing about anybody is unknown, not empty.
    """

    panel: Events | None
    day: int
    reached: int | None
    count: int

    def number(self, *, days: int, kind: str | None = None, codes: tuple[int, ...] = ()) -> Masked:
        """Events of the ``days`` days ending with the origin, of those whose column ``kind`` is one of ``codes``."""
        if self.panel is None or not self._speaks(days):
            return empty(self.count, dtype=np.int64)
        return self._sum(self._chosen(days, kind, codes), np.ones(len(self.panel.day), dtype=np.int64))

    def persons(self, name: str, *, days: int) -> Masked:
        """Sum of column ``name`` over the ``days`` days ending with the origin; unknown numbers count as none."""
        if self.panel is None or not self._speaks(days):
            return empty(self.count, dtype=np.int64)
        amounts = self.panel.columns[name]
        return self._sum(self._chosen(days, None, ()) & (amounts != MISSING), amounts)

    def standing(self, *, ended: str, kind: str, codes: tuple[int, ...]) -> Masked:
        """Events of the kind that began by the origin and stand on it; ``ended`` has the day from which they do not."""
        if self.panel is None or self.reached is None:
            return empty(self.count, dtype=np.int64)
        end = self.panel.columns[ended]
        holds = (end == MISSING) | (end > self.day)
        return self._sum(self._chosen(self.day, kind, codes) & holds, np.ones(len(end), dtype=np.int64))

    def latest(self, *, days: int, kind: str | None = None, codes: tuple[int, ...] = ()) -> Masked:
        """Day of the latest such event; missing where there is none."""
        if self.panel is None or self.reached is None:
            return empty(self.count, dtype=np.int64)
        chosen = self._chosen(days, kind, codes)
        day = np.full(self.count, MISSING, dtype=np.int64)
        np.maximum.at(day, self.panel.place[chosen], self.panel.day[chosen])
        return Masked(np.where(day != MISSING, day, 0), day != MISSING)

    def of_latest(self, name: str, *, days: int) -> Masked:
        """Column ``name`` of each enterprise's latest event; of two on one day, of the later entry of the panel."""
        if self.panel is None or self.reached is None:
            return empty(self.count, dtype=np.int64)
        chosen = np.flatnonzero(self._chosen(days, None, ()))
        order = chosen[np.argsort(self.panel.day[chosen], kind="stable")]
        entry = np.full(self.count, -1, dtype=np.int64)
        entry[self.panel.place[order]] = order
        values = np.append(self.panel.columns[name], MISSING)[entry]
        return Masked(np.where(values != MISSING, values, 0), values != MISSING)

    def _speaks(self, days: int) -> bool:
        return self.reached is not None and self.reached > self.day - days

    def _chosen(self, days: int, kind: str | None, codes: tuple[int, ...]) -> Bools:
        panel, reached = self.panel, self.reached
        if panel is None or reached is None:
            return np.zeros(0, dtype=np.bool_)
        chosen: Bools = (panel.day <= min(reached, self.day)) & (panel.day > self.day - days)
        return chosen & np.isin(panel.columns[kind], codes) if kind else chosen

    def _sum(self, chosen: Bools, amounts: Ints) -> Masked:
        total = np.zeros(self.count, dtype=np.int64)
        if self.panel is not None:
            np.add.at(total, self.panel.place[chosen], amounts[chosen])
        return Masked(total, np.ones(self.count, dtype=np.bool_))
