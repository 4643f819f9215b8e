"""Canonical panels (enterprise, month, insured, wage, contribution, industry, area) through the kernel of the night.

What an origin sees is what the panel says of months up to it: industry and area too are the last known by then. Wages
and contributions are put in hundredths of a percent of what the middle enterprise of the month pays per head, so that
they compare across currencies and years.
An enterprise seen before and absent from a complete month has nobody insured, as in the night. Nothing is judged here.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pipelines.errors import DeliveryError
from pipelines.lunar import month_of_ordinal, ordinal
from pipelines.stages.features import kernel, peers
from pipelines.stages.features.masked import MISSING, Bools, Ints, Masked
from pipelines.stages.features.panel import (
    INSURANCE_COLUMNS,
    Definitions,
    Insurance,
    Origin,
    Panel,
    insurance_panel,
)

SCHEMA: dict[str, type[pl.DataType]] = {
    "enterprise_id": pl.String,
    "month": pl.Date,
    "insured": pl.Int64,
    "wage_mean": pl.Float64,
    "contribution": pl.Float64,
    "industry": pl.String,
    "area": pl.String,
}
DIVISION_DIGITS = 2
MEDIAN_HEAD = 10_000
MONEY_LIMIT = 1e14
SOURCES = {"insured_persons": "insured", "base_fen": "base", "due_fen": "due"}


@dataclass(frozen=True)
class Canonical:
    """A panel made dense: rows of ``insurance`` are months from ``insurance.first`` on, columns are ``enterprise_ids``.

    ``rows`` keeps the source's texts by place and ordinal; ``broken`` marks the months in which coverage breaks.
    """

    enterprise_ids: pl.Series
    insurance: Insurance
    rows: pl.DataFrame
    broken: Bools

    @property
    def months(self) -> tuple[date, ...]:
        """Every month from the first to the last of the panel."""
        first = self.insurance.first
        return tuple(month_of_ordinal(first + row) for row in range(len(self.insurance.present)))

    @property
    def insured(self) -> Ints:
        """Insured persons, shape (enterprises, months), ``MISSING`` where unknown: what outcomes are read from."""
        return self.insurance.levels.raw(MISSING).T

    @property
    def broken_months(self) -> tuple[date, ...]:
        """The months in which coverage breaks."""
        return tuple(month for month, is_broken in zip(self.months, self.broken, strict=True) if is_broken)

    def row(self, month: date) -> int:
        """Row of ``month``; raises ``DeliveryError`` where the panel does not reach it."""
        if month not in self.months:
            spans = f"{self.months[0]:%Y-%m} to {self.months[-1]:%Y-%m}"
            raise DeliveryError(f"origin {month:%Y-%m} is outside the panel, which spans {spans}")
        return self.months.index(month)


def read(frame: pl.DataFrame, *, break_share: float, break_minimum: int) -> Canonical:
    """The panel of ``frame``; raises ``DeliveryError`` where it is not in the canonical shape.

    Coverage breaks where at least ``break_share`` of the month before's enterprises, and at least ``break_minimum`` of
    them, are gone at once: their absence proves nothing until they come back.
    """
    rows = _checked(frame)
    ids = rows["enterprise_id"].unique().sort()
    places = pl.DataFrame({"enterprise_id": ids, "place": np.arange(len(ids), dtype=np.int64)})
    keyed = rows.join(places, on="enterprise_id", how="left", maintain_order="left")
    first, last = int(keyed["ordinal"].min()), int(keyed["ordinal"].max())  # type: ignore[arg-type]
    present = np.zeros((last - first + 1, len(ids)), dtype=np.bool_)
    present[keyed["ordinal"].to_numpy() - first, keyed["place"].to_numpy()] = True
    breaks = _breaks(present, share=break_share, minimum=break_minimum)
    nothing = pl.DataFrame(schema={"place": pl.Int64, "ordinal": pl.Int64, "insured_persons": pl.Int64})
    insurance = insurance_panel(
        keyed.select("place", "ordinal", *_insurance_columns()),
        before=nothing,
        quarantined=_blind(present, breaks, first=first),
        complete=np.asarray(present.any(axis=1)),
        first=first,
        count=len(ids),
    )
    texts = keyed.select("place", "ordinal", "industry", "area")
    return Canonical(enterprise_ids=ids, insurance=insurance, rows=texts, broken=breaks)


def features(panel: Canonical, origin: date, *, definitions: Definitions) -> pl.DataFrame:
    """One row per enterprise seen by ``origin``: its keys, and every feature of the kernel, missing or not.

    Columns enterprise_no (its place), enterprise_id, origin, industry_division, industry_code, county_code, features.
    """
    t, count = panel.row(origin), len(panel.enterprise_ids)
    texts = _texts(panel, ordinal(origin))
    names = texts["industry_division"].drop_nulls().unique().sort()
    division = _division(texts["industry_division"], names)
    sums = peers.sums(panel.insurance, t, division=division, divisions=len(names))
    values = kernel.compute(
        Panel(count=count, insurance=panel.insurance, division=division),
        Origin(insurance=ordinal(origin)),
        sums=sums,
        measures=(),
        definitions=definitions,
    )
    keys = pl.DataFrame(
        {
            "enterprise_no": np.arange(count, dtype=np.int64),
            "enterprise_id": panel.enterprise_ids,
            "origin": pl.Series([origin] * count, dtype=pl.Date),
        }
    )
    columns = pl.DataFrame({name: _series(value) for name, value in values.items()})
    seen = pl.Series(panel.insurance.present[: t + 1].any(axis=0))
    return pl.concat([keys, texts, columns], how="horizontal").filter(seen)


def _texts(panel: Canonical, month: int) -> pl.DataFrame:
    """Industry and area of each enterprise as last known in ``month``, in order of place."""
    known = panel.rows.filter(pl.col("ordinal") <= month).sort("place", "ordinal")
    latest = known.group_by("place").agg(
        pl.col("industry").drop_nulls().last(), pl.col("area").drop_nulls().last().alias("county_code")
    )
    everyone = pl.DataFrame({"place": np.arange(len(panel.enterprise_ids), dtype=np.int64)})
    return (
        everyone.join(latest, on="place", how="left", maintain_order="left")
        .with_columns(industry_division=pl.col("industry").str.slice(0, DIVISION_DIGITS))
        .select("industry_division", pl.col("industry").alias("industry_code"), "county_code")
    )


def _division(texts: pl.Series, names: pl.Series) -> Ints:
    index = pl.DataFrame(
        {"name": names, "index": np.arange(len(names), dtype=np.int64)}, schema_overrides={"name": pl.String}
    )
    joined = texts.rename("name").to_frame().join(index, on="name", how="left", maintain_order="left")
    return joined["index"].fill_null(-1).to_numpy().astype(np.int64)


def _series(value: Masked) -> pl.Series:
    return pl.Series(value.values).set(pl.Series(~value.valid), None)


def _insurance_columns() -> list[pl.Expr]:
    """The columns of the night's insurance panel; those that a canonical panel lacks are missing throughout."""
    return [
        pl.col(SOURCES[name]).alias(name) if name in SOURCES else pl.lit(None, dtype=pl.Int64).alias(name)
        for name in INSURANCE_COLUMNS
    ]


def _breaks(present: Bools, *, share: float, minimum: int) -> Bools:
    """Whether each month has lost so many enterprises at once that the panel, not they, must have changed."""
    gone = (present[:-1] & ~present[1:]).sum(axis=1)
    before = present[:-1].sum(axis=1)
    return np.concatenate([[False], (gone >= minimum) & (gone >= share * before)])


def _blind(present: Bools, breaks: Bools, *, first: int) -> pl.DataFrame:
    """Months in which an enterprise that went with a break has not come back: unknown, not zero."""
    lost, places, months = np.zeros(present.shape[1], dtype=np.bool_), [], []
    for row in range(1, len(present)):
        if breaks[row]:
            lost |= present[row - 1] & ~present[row]
        lost &= ~present[row]
        at = np.flatnonzero(lost)
        places.append(at)
        months.append(np.full(len(at), first + row))
    joined = [np.concatenate([np.empty(0), *parts]).astype(np.int64) for parts in (places, months)]
    return pl.DataFrame({"place": joined[0], "ordinal": joined[1]})


def _checked(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows in canonical types, amounts as integers; raises ``DeliveryError`` naming what is wrong."""
    missing = [name for name in SCHEMA if name not in frame.columns]
    if missing:
        raise DeliveryError(f"not a canonical panel: no column {', '.join(missing)}; it needs {', '.join(SCHEMA)}")
    try:
        rows = frame.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
        is_whole = rows["insured"].cast(pl.Float64).eq_missing(frame["insured"].cast(pl.Float64)).all()
    except pl.exceptions.PolarsError as error:
        raise DeliveryError(f"not a canonical panel: {str(error).splitlines()[0]}") from error
    faults = {
        "it has no rows": rows.is_empty(),
        "a row has no enterprise_id or month": rows["enterprise_id"].has_nulls() or rows["month"].has_nulls(),
        "an enterprise has two rows in one month": rows.select("enterprise_id", "month").is_duplicated().any(),
        "insured is negative or not whole": not is_whole or bool((rows["insured"] < 0).any()),
        "a month is not its first day": bool((rows["month"].dt.day() != 1).any()),
    }
    found = [text for text, is_fault in faults.items() if is_fault]
    if found:
        raise DeliveryError(f"not a canonical panel: {'; '.join(found)}")
    dated = rows.with_columns(ordinal=pl.col("month").dt.year().cast(pl.Int64) * 12 + pl.col("month").dt.month() - 1)
    return dated.with_columns(
        base=_indexed(pl.col("wage_mean") * pl.col("insured")),
        due=_indexed(pl.col("contribution")),
    )


def _indexed(amount: pl.Expr) -> pl.Expr:
    """An amount against the month's median per head (``MEDIAN_HEAD``); null where missing or beyond all reason."""
    usable = pl.when(amount.is_finite() & (amount.abs() < MONEY_LIMIT)).then(amount)
    median = (usable / pl.when(pl.col("insured") > 0).then(pl.col("insured"))).median().over("ordinal")
    index = (usable * (MEDIAN_HEAD / pl.when(median > 0).then(median))).round()
    return pl.when(index.abs() < MONEY_LIMIT).then(index).cast(pl.Int64)
