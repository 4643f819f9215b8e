"""An extract of counts for readers outside: enterprises counted by one or two properties, small cells left out.

A query gives one row per enterprise; this counts them, so that no cell rests on a count that the query only claims.
What is left out cannot be worked out from totals that are published elsewhere: in each row and column of the table
``suppression`` decides, and of two properties no cell may be the only way between two parts of the table.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import polars as pl

from pipelines.errors import UsageError
from pipelines.suppression import Cell, Limits, is_safe

IDENTIFIERS = ("enterprise_no", "enterprise_id")
COUNT, PERSONS, LEFT_OUT = "enterprise_count", "insured_persons", "is_left_out"
Place = tuple[str, ...]


def table(frame: pl.DataFrame, *, by: Sequence[str], sums: Sequence[str], limits: Limits) -> pl.DataFrame:
    """Enterprises and the sums of ``sums`` per cell of ``by``, null with ``is_left_out`` where a cell is not told.

    ``frame`` has one row per enterprise. Persons, and whether one enterprise dominates, are judged where it has
    ``insured_persons``; unknown staff counts as none there, which only hides more. Raises ``UsageError`` where it does
    not fit, an enterprise comes twice, or a number to be summed is unknown.
    """
    _check(frame, by, sums)
    has_persons = PERSONS in frame.columns and frame[PERSONS].count() > 0
    counted = Limits(limits.enterprises, 0, limits.dominance)
    staff = pl.col(PERSONS).fill_null(0) if has_persons else pl.lit(0)
    held = _settled(
        [
            (_cells(frame, by, staff), limits if has_persons else counted),
            *((_cells(frame, by, pl.col(name).abs()), counted) for name in sums),
        ]
    )
    told = frame.group_by(list(by)).agg(pl.len().cast(pl.Int64).alias(COUNT), *(pl.col(name).sum() for name in sums))
    ordered = told.sort(list(by), nulls_last=True)
    marks = [_place(row) in held for row in ordered.select(by).iter_rows()]
    figures = [COUNT, *sums]
    marked = ordered.with_columns(pl.Series(LEFT_OUT, marks, dtype=pl.Boolean))
    hidden = [pl.when(~pl.col(LEFT_OUT)).then(pl.col(name)).alias(name) for name in figures]
    return marked.with_columns(hidden).select(*by, *figures, LEFT_OUT)


def _place(row: Sequence[Any]) -> Place:
    return tuple(str(value) for value in row)


def _cells(frame: pl.DataFrame, by: Sequence[str], size: pl.Expr) -> dict[Place, Cell]:
    """Enterprises of each cell of ``by``, and of ``size`` the sum and the most that one enterprise has."""
    amount = size.cast(pl.Float64)
    sums = (pl.len().alias("_count"), amount.sum().alias("_sum"), amount.max().alias("_most"))
    grouped = frame.group_by(list(by)).agg(*sums).sort(list(by), nulls_last=True)
    return {_place(row[:-3]): Cell(*row[-3:]) for row in grouped.iter_rows()}


def _settled(judged: Sequence[tuple[Mapping[Place, Cell], Limits]]) -> frozenset[Place]:
    """The cells that are not told where staff and every sum are judged, each with what the others left out."""
    held: frozenset[Place] = frozenset()
    while True:
        before = held
        for cells, limits in judged:
            held = left_out(cells, limits, also=held)
        if held == before:
            return held


def left_out(cells: Mapping[Place, Cell], limits: Limits, *, also: Set[Place] = frozenset()) -> frozenset[Place]:
    """The cells that are not told: small ones, ``also``, and the smallest others until none can be worked out."""
    held = {place for place, cell in cells.items() if limits.is_small(cell)} | also
    while (more := _next(cells, held, limits)) is not None:
        held.add(more)
    return frozenset(held)


def _next(cells: Mapping[Place, Cell], held: set[Place], limits: Limits) -> Place | None:
    """One more cell to leave out, None where nothing gives one away or nothing is left to leave out."""
    for line in _lines(cells):
        inside = {place: cells[place] for place in line if place in held}
        spare = [place for place in line if place not in held and cells[place].enterprises]
        if inside and spare and not is_safe(inside, limits):
            return _smallest(cells, spare)
    for place in sorted(held):
        if len(place) == 2 and _is_bridge(place, held):
            spare = [other for other in cells if other not in held and _meet(other, place) and cells[other].enterprises]
            if spare:
                return _smallest(cells, spare)
    return None


def _lines(cells: Mapping[Place, Cell]) -> Iterator[list[Place]]:
    """All cells of one property; of two, each row and each column."""
    if any(len(place) == 1 for place in cells):
        yield sorted(cells)
        return
    for axis in (0, 1):
        for name in sorted({place[axis] for place in cells}):
            yield sorted(place for place in cells if place[axis] == name)


def _is_bridge(place: Place, held: set[Place]) -> bool:
    """Whether totals of rows and columns give the cell away: no other way leads from its row to its column.

    Rows and columns are the points of a graph, cells left out its edges.
    """
    others = held - {place}
    reached, waiting = {(0, place[0])}, [(0, place[0])]
    while waiting:
        axis, name = waiting.pop()
        for other in others:
            end = (1 - axis, other[1 - axis])
            if other[axis] == name and end not in reached:
                reached.add(end)
                waiting.append(end)
    return (1, place[1]) not in reached


def _meet(one: Place, other: Place) -> bool:
    return one[0] == other[0] or one[1] == other[1]


def _smallest(cells: Mapping[Place, Cell], places: Sequence[Place]) -> Place:
    return min(places, key=lambda place: (cells[place].enterprises, cells[place].persons, place))


def _check(frame: pl.DataFrame, by: Sequence[str], sums: Sequence[str]) -> None:
    if not 1 <= len(by) <= 2:
        raise UsageError("--by takes one or two columns: of more, what is left out could be worked out")
    unknown = [name for name in (*by, *sums) if name not in frame.columns]
    if unknown:
        raise UsageError(f"the query gives no column {', '.join(unknown)}; it has {', '.join(frame.columns)}")
    key = next((name for name in IDENTIFIERS if name in frame.columns), None)
    if key is None:
        raise UsageError(f"--by counts enterprises: the query must give {' or '.join(IDENTIFIERS)}, one row for each")
    if frame[key].null_count() or frame[key].n_unique() != frame.height:
        raise UsageError(f"--by counts enterprises: the query gives a {key} twice, or none; one row for each")
    named = [name for name in by if name in {*IDENTIFIERS, "enterprise_name", "warning_no", "order_no"}]
    if named:
        raise UsageError(f"--by {', '.join(named)}: this names single enterprises")
    bad = [name for name in sums if not frame[name].dtype.is_numeric()]
    if bad:
        raise UsageError(f"--sum {', '.join(bad)}: no number")
    open_ = [name for name in sums if frame[name].null_count()]
    if open_:
        raise UsageError(
            f"--sum {', '.join(open_)}: unknown for some enterprises; leave them out in the query, and say so"
        )
