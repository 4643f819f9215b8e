"""A cleaned register as arrays in order of day: what a panel of employers is counted from.

Nothing is decided here. Employers, areas, industries, families and words of names get dense numbers; −1 where a row
does not tell. Every flag of a row is a fact of that row and earlier ones.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.notice_cleaning import UNUSABLE

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
SHORTEST_WORD = 3
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Notices:
    """The kept notices in order of day, arrays of shape (notices,): days since 1970, numbers, persons.

    ``first_of_*`` flags the first row of an employer with that day, month, site or area; ``gap`` is the days since the
    employer's last earlier day with a notice, on the first row of each day but the first, else nan.
    """

    day: Ints
    employer: Ints
    area: Ints
    industry: Ints
    persons: Floats
    starts: Floats
    closure: Floats
    first_of_day: Bools
    first_of_month: Bools
    first_of_site: Bools
    first_of_area: Bools
    gap: Floats


@dataclass(frozen=True)
class History:
    """The kept notices, the days and employers of removed amendments, and the keys behind the numbers.

    ``family`` has shape (employers,); ``pair_employer`` and ``pair_word`` list which words are in whose name.
    """

    kept: Notices
    amended_day: Ints
    amended_employer: Ints
    employers: tuple[str, ...]
    areas: tuple[str, ...]
    industries: tuple[str, ...]
    family: Ints
    pair_employer: Ints
    pair_word: Ints


def history(cleaned: pl.DataFrame) -> History:
    """The arrays of a register as ``notice_cleaning.clean`` gives it.

    Employers are numbered in order of their first notice, so no number changes with what comes later.
    """
    kept = cleaned.filter(pl.col("reason").is_null())
    employers = (
        kept.group_by("employer_key", "family").agg(first=pl.col("noticed_on").min()).sort("first", "employer_key")
    )
    numbers = employers.select("employer_key").with_row_index("employer_no").cast({"employer_no": pl.Int64})
    order = ["noticed_on", "employer_no", "notice_id"]
    rows = kept.join(numbers, on="employer_key", how="left", maintain_order="left").sort(order)
    amended = (
        cleaned.filter(pl.col("reason").is_not_null() & ~pl.col("reason").is_in(UNUSABLE))
        .join(numbers, on="employer_key", maintain_order="left")
        .sort(order)
    )
    areas, industries = _names(rows["area"]), _names(rows["industry"])
    pair_employer, pair_word = _words(employers["employer_key"])
    return History(
        kept=_notices(rows, areas, industries),
        amended_day=_days(amended["noticed_on"]),
        amended_employer=amended["employer_no"].to_numpy(),
        employers=tuple(employers["employer_key"].to_list()),
        areas=areas,
        industries=industries,
        family=_codes(employers["family"], _names(employers["family"])),
        pair_employer=pair_employer,
        pair_word=pair_word,
    )


def day_number(when: date) -> int:
    """Days since 1970."""
    return (when - EPOCH) // timedelta(days=1)


def plus_months(first: date, months: int) -> date:
    """The first day of the month ``months`` after that of ``first``."""
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def _notices(rows: pl.DataFrame, areas: tuple[str, ...], industries: tuple[str, ...]) -> Notices:
    employer, day, area = rows["employer_no"].to_numpy(), _days(rows["noticed_on"]), _codes(rows["area"], areas)
    site = rows.select(pl.concat_str(pl.col("area", "county", "place").fill_null(""), separator="|")).to_series()
    first_of_day = _is_first(employer, day)
    return Notices(
        day=day,
        employer=employer,
        area=area,
        industry=_codes(rows["industry"], industries),
        persons=_floats(rows["persons"]),
        starts=_floats(rows["starts_on"].cast(pl.Int32)),
        closure=_floats(rows["is_closure"].cast(pl.Int8)),
        first_of_day=first_of_day,
        first_of_month=_is_first(employer, _days(rows["noticed_on"].dt.truncate("1mo"))),
        first_of_site=_is_first(employer, _codes(site, _names(site))),
        first_of_area=_is_first(employer, area),
        gap=_gaps(employer, day, first_of_day),
    )


def _names(column: pl.Series) -> tuple[str, ...]:
    return tuple(column.drop_nulls().unique().sort().to_list())


def _codes(column: pl.Series, names: tuple[str, ...]) -> Ints:
    numbers = pl.DataFrame({"name": pl.Series(names, dtype=pl.String)}).with_row_index("number")
    joined = column.alias("name").to_frame().join(numbers, on="name", how="left", maintain_order="left")
    return joined["number"].cast(pl.Int64).fill_null(-1).to_numpy()


def _words(keys: pl.Series) -> tuple[Ints, Ints]:
    """(employer, word) for every word of letters in a key, each once."""
    pairs = (
        keys.alias("key")
        .to_frame()
        .with_row_index("employer")
        .with_columns(word=pl.col("key").str.split(" "))
        .explode("word")
        .filter((pl.col("word").str.len_chars() >= SHORTEST_WORD) & ~pl.col("word").str.contains(r"\d"))
        .unique(["employer", "word"])
        .sort("employer", "word")
    )
    return pairs["employer"].cast(pl.Int64).to_numpy(), _codes(pairs["word"], _names(pairs["word"]))


def _is_first(employer: Ints, value: Ints) -> Bools:
    """Whether each row, in order of day, is the first of its employer with that value."""
    found = np.zeros(len(employer), dtype=np.bool_)
    if len(employer):
        found[np.unique(np.column_stack([employer, value]), axis=0, return_index=True)[1]] = True
    return found


def _gaps(employer: Ints, day: Ints, first_of_day: Bools) -> Floats:
    gap = np.full(len(day), np.nan)
    rows = np.flatnonzero(first_of_day)
    order = rows[np.lexsort((day[rows], employer[rows]))]
    same = employer[order][1:] == employer[order][:-1]
    gap[order[1:][same]] = (day[order][1:] - day[order][:-1])[same]
    return gap


def _days(column: pl.Series) -> Ints:
    return column.cast(pl.Int32).cast(pl.Int64).to_numpy()


def _floats(column: pl.Series) -> Floats:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
