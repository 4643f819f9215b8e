"""From kernel arrays to rows of ``features.enterprise``: nulls for what is missing, dates, and the sources in words.

Which enterprises get a row, and who is an exporter to the United States, is decided here.
"""

from collections.abc import Mapping
from datetime import date

import polars as pl

from pipelines.lunar import month_of_ordinal
from pipelines.stages.features import completeness
from pipelines.stages.features.masked import MISSING, Masked
from pipelines.stages.features.panel import Origin, Panel

EPOCH = date(1970, 1, 1).toordinal()
MONTHS = ("monitor_month", "decline_run_start_month", "decline_run_end_month")
DAYS = ("stabilising_benefit_on", "visit_on")
REACHED = ("power", "tax", "orders", "claims", "vacancies", "hires")


def rows(
    values: dict[str, Masked],
    panel: Panel,
    enterprises: pl.DataFrame,
    *,
    origin: Origin,
    delivered: Mapping[str, bool],
    season: str,
    valid_months: int,
) -> pl.DataFrame:
    """The features of one bucket; ``enterprises`` are its rows of core.enterprise with ``is_listed`` and notices.

    A source not heard from for more than ``valid_months`` has no month any more, as the kernel has no figure of it.
    ``delivered`` says for each source by name whether it holds anything at all at the cutoff.
    """
    insurance = panel.insurance
    insured_ever = (insurance.before_month != MISSING) | insurance.present.any(axis=0)
    marks = completeness.spoken(panel, enterprises, insured_ever)
    frame = pl.DataFrame({name: _series(name, value) for name, value in values.items()})
    return (
        pl.concat([enterprises, frame], how="horizontal")
        .with_columns(
            _month("reference_month", origin.insurance if delivered["insurance"] else None),
            _month("export_reference_month", origin.export),
            *(_month(f"{name}_reference_month", _heard(origin, name, valid_months)) for name in REACHED),
            season=pl.lit(season if delivered["insurance"] else None, dtype=pl.String),
            is_us_exporter=_us_exporter(delivered),
            sources_present_count=pl.Series(marks.sum(axis=0), dtype=pl.Int64),
            completeness_text=completeness.texts(marks, delivered),
        )
        .filter(pl.Series(insured_ever) | pl.col("notice_reported_on").is_not_null())
    )


def _month(name: str, ordinal: int | None) -> pl.Expr:
    return pl.lit(None if ordinal is None else month_of_ordinal(ordinal), dtype=pl.Date).alias(name)


def _heard(origin: Origin, name: str, valid_months: int) -> int | None:
    reached = origin.reached.get(name)
    return None if reached is None or origin.insurance - reached > valid_months else reached


def _us_exporter(delivered: Mapping[str, bool]) -> pl.Expr:
    """True by list or by customs; false only where one of the two sources exists to say so."""
    yes = pl.col("is_listed") | (pl.col("export_us_12m_usd_cent").fill_null(0) > 0)
    return yes if delivered["exports"] or delivered["commerce"] else pl.lit(None, dtype=pl.Boolean)


def _series(name: str, value: Masked) -> pl.Series:
    plain = pl.Series(value.values).set(pl.Series(~value.valid), None)
    if name in MONTHS:
        number = pl.lit(plain)
        return pl.select(pl.date(number // 12, number % 12 + 1, 1)).to_series()
    if name in DAYS:
        return (plain - EPOCH).cast(pl.Int32).cast(pl.Date)
    return plain
