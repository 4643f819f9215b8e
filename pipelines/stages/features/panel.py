"""The dense (month × enterprise) panel of one bucket, and the sparse sources beside it.

A lag is a row offset; an origin sees rows up to its own month only. What is not known is marked, never zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl

from pipelines.lunar import LunarCalendar
from pipelines.stages.features.masked import MISSING, Bools, Ints, Months, months_of
from pipelines.stages.features.sparse import Events, Monthly, compact

INSURANCE_COLUMNS = (
    "insured_persons",
    "joiners_persons",
    "leavers_persons",
    "high_base_leavers_persons",
    "base_fen",
    "due_fen",
    "arrears_fen",
    "deferred_fen",
)
INSURANCE_MONTHS = 25
EXPORT_MONTHS = 36


@dataclass(frozen=True)
class Origin:
    """How far each source has reached, as months (ordinals); for a past origin, as far as it was known then.

    ``reached`` has the other monthly and dated sources by name. Dated events count up to ``day`` (a date's ordinal).
    """

    insurance: int
    export: int | None = None
    reached: Mapping[str, int] = field(default_factory=dict)
    day: int = 0


@dataclass(frozen=True)
class Definitions:
    """The contestable numbers of the features, and the calendar."""

    lunar: LunarCalendar
    export_us_fall_pct: int
    minimum_known_months: int
    monitor_valid_months: int
    peer_minimum_persons: int
    source_valid_months: int
    power_fall_pct: int
    transfer_share_pct: int
    transfer_minimum_persons: int
    visit_valid_days: int


@dataclass(frozen=True)
class Insurance:
    """Insurance months from ``first`` (ordinal) on; ``levels`` are insured persons with proven zeros filled in."""

    first: int
    levels: Months
    present: Bools
    complete: Bools
    blind: Bools
    columns: dict[str, Months]
    before_month: Ints
    before_persons: Ints


@dataclass(frozen=True)
class Pairs:
    """Each exporter's products, or its destinations, in order: ``exporter`` and ``kind`` have one entry per pair.

    ``at`` has one entry per export row, the place of its pair.
    """

    at: Ints
    exporter: Ints
    kind: Ints

    def sums(self, amounts: Ints, rows: Bools) -> Ints:
        """Sum of ``amounts`` over ``rows`` for each pair."""
        total = np.zeros(len(self.exporter), dtype=np.int64)
        np.add.at(total, self.at[rows], amounts[rows])
        return total


@dataclass(frozen=True)
class Trade:
    """What exporters made, or what they traded: (month × exporter) sums, and where there is any row."""

    every: Ints
    to_us: Ints
    spoken: Bools


@dataclass(frozen=True)
class Exports:
    """Export rows of one bucket: ``position`` are the exporters' places in it; the other arrays are one per row.

    The kinds of ``products`` are places in ``hs6``. ``own_make`` and ``own_trade`` add the rows up by ``made``.
    """

    first: int
    present: Bools
    position: Ints
    exporter: Ints
    column: Ints
    to_us: Bools
    made: Bools
    usd_cent: Ints
    own_make: Trade
    own_trade: Trade
    products: Pairs
    destinations: Pairs
    hs6: tuple[str, ...]


@dataclass(frozen=True)
class Flows:
    """Moves of persons out of the enterprises of one bucket: from which place, to whom, in which month, how many.

    ``covered`` are the months (ordinals) with any move in the city.
    """

    place: Ints
    to: Ints
    month: Ints
    persons: Ints
    covered: frozenset[int]


@dataclass(frozen=True)
class Panel:
    """All that the kernel may see of ``count`` enterprises; ``division`` indexes the peers' table, -1 where unknown.

    A source that is not here never came.
    """

    count: int
    insurance: Insurance
    division: Ints
    exports: Exports | None = None
    monthly: Mapping[str, Monthly] = field(default_factory=dict)
    events: Mapping[str, Events] = field(default_factory=dict)
    flows: Flows | None = None


def scatter(frame: pl.DataFrame, column: str, *, rows: Ints, places: Ints, shape: tuple[int, int]) -> Ints:
    """A (month × enterprise) array of ``column`` with ``MISSING`` where ``frame`` has no value."""
    dense = np.full(shape, MISSING, dtype=np.int64)
    dense[rows, places] = frame[column].fill_null(MISSING).to_numpy()
    return dense


def fill_levels(insured: Ints, *, seen: Bools, present: Bools, complete: Bools, blind: Bools) -> Ints:
    """Insured persons, with 0 where an enterprise seen before is absent from a complete month without quarantine."""
    levels = insured.copy()
    known_before = seen.copy()
    for month in range(insured.shape[0]):
        if complete[month]:
            levels[month][known_before & ~present[month] & ~blind[month]] = 0
        known_before |= present[month]
    return levels


def insurance_panel(
    rows: pl.DataFrame, *, before: pl.DataFrame, quarantined: pl.DataFrame, complete: Bools, first: int, count: int
) -> Insurance:
    """Insurance of one bucket from frames keyed by ``place`` (0-based in the bucket) and ``ordinal``.

    ``rows`` may hold fewer columns than ``INSURANCE_COLUMNS``; those it lacks are left out of the panel.
    """
    shape = (len(complete), count)
    months, places = _indices(rows, first)
    present = np.zeros(shape, dtype=np.bool_)
    present[months, places] = True
    blind = np.zeros(shape, dtype=np.bool_)
    blind[_indices(quarantined, first)] = True
    before_month = np.full(count, MISSING, dtype=np.int64)
    before_persons = np.full(count, MISSING, dtype=np.int64)
    at = before["place"].to_numpy()
    before_month[at] = before["ordinal"].to_numpy()
    before_persons[at] = before["insured_persons"].fill_null(MISSING).to_numpy()
    columns = {
        name: scatter(rows, name, rows=months, places=places, shape=shape)
        for name in INSURANCE_COLUMNS
        if name in rows.columns
    }
    levels = fill_levels(
        columns["insured_persons"],
        seen=before_month != MISSING,
        present=present,
        complete=complete,
        blind=blind,
    )
    return Insurance(
        first=first,
        levels=months_of(levels),
        present=present,
        complete=complete,
        blind=blind,
        columns={name: months_of(column) for name, column in columns.items()},
        before_month=before_month,
        before_persons=before_persons,
    )


def export_panel(rows: pl.DataFrame, *, products: pl.Series, present: Bools, first: int) -> Exports:
    """Exports of one bucket from rows with place, ordinal, product, destination, to_us, is_made and export_usd_cent.

    ``product`` and ``destination`` are places in the sorted codes of the city, the former those of ``products``.
    """
    position, exporter = compact(rows["place"].to_numpy())
    used, product = compact(rows["product"].to_numpy())
    column = (rows["ordinal"].to_numpy() - first).astype(np.int64)
    to_us, made = rows["to_us"].to_numpy(), rows["is_made"].to_numpy()
    usd_cent = rows["export_usd_cent"].to_numpy().astype(np.int64)
    shape = (len(present), len(position))
    place = column * len(position) + exporter

    def trade(own: Bools) -> Trade:
        return Trade(
            every=_added_up(place[own], usd_cent[own], shape),
            to_us=_added_up(place[own & to_us], usd_cent[own & to_us], shape),
            spoken=_marked(place[own], shape),
        )

    return Exports(
        first=first,
        present=present,
        position=position,
        exporter=exporter,
        column=column,
        to_us=to_us,
        made=made,
        usd_cent=usd_cent,
        own_make=trade(made),
        own_trade=trade(~made),
        products=_pairs(exporter, product),
        destinations=_pairs(exporter, rows["destination"].to_numpy()),
        hs6=tuple(products.gather(used).to_list()),
    )


def _added_up(place: Ints, amounts: Ints, shape: tuple[int, int]) -> Ints:
    total = np.zeros(shape, dtype=np.int64)
    np.add.at(total.reshape(-1), place, amounts)
    return total


def _marked(place: Ints, shape: tuple[int, int]) -> Bools:
    marks = np.zeros(shape, dtype=np.bool_)
    marks.reshape(-1)[place] = True
    return marks


def _pairs(exporter: Ints, kind: Ints) -> Pairs:
    kinds = int(kind.max(initial=0)) + 1
    pairs, at = compact(exporter * kinds + kind)
    return Pairs(at=at, exporter=pairs // kinds, kind=pairs % kinds)


def flows_panel(rows: pl.DataFrame, *, covered: frozenset[int]) -> Flows:
    """Moves of one bucket from rows with place, to_enterprise_no, ordinal and moved_persons."""
    names = ("place", "to_enterprise_no", "ordinal", "moved_persons")
    place, to, month, persons = (rows[name].to_numpy().astype(np.int64) for name in names)
    return Flows(place=place, to=to, month=month, persons=persons, covered=covered)


def last_day(month: int) -> date:
    """The last day of the month ``month`` (ordinal)."""
    following = month + 1
    return date.fromordinal(date(following // 12, following % 12 + 1, 1).toordinal() - 1)


def _indices(rows: pl.DataFrame, first: int) -> tuple[Ints, Ints]:
    return rows["ordinal"].to_numpy() - first, rows["place"].to_numpy()
