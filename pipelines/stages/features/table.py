"""From kernel arrays to rows of ``features.enterprise``: nulls for what is missing, and the sources in words.

Which enterprises get a row, who is an exporter to the United States, and who has filed a report is decided here.
"""

import numpy as np
import polars as pl

from pipelines.stages.features.lunar import month_of_ordinal
from pipelines.stages.features.masked import MISSING, Bools, Masked
from pipelines.stages.features.panel import Origin, Panel

MONTHS = ("monitor_month", "decline_run_start_month", "decline_run_end_month")
SOURCES = ("参保缴费", "市场主体登记", "失业动态监测", "海关出口", "商务名单")


def rows(
    values: dict[str, Masked], panel: Panel, enterprises: pl.DataFrame, *, origin: Origin, delivered: tuple[bool, ...]
) -> pl.DataFrame:
    """The features of one bucket; ``enterprises`` are its rows of core.enterprise with ``is_listed`` and notices.

    ``delivered`` says for each of ``SOURCES`` whether it holds anything at all at the cutoff.
    """
    insurance = panel.insurance
    insured_ever = (insurance.before_month != MISSING) | insurance.present.any(axis=0)
    spoken = _sources(panel, enterprises, insured_ever)
    frame = pl.DataFrame({name: _series(name, value) for name, value in values.items()})
    return (
        pl.concat([enterprises, frame], how="horizontal")
        .with_columns(
            reference_month=pl.lit(month_of_ordinal(origin.insurance) if delivered[0] else None, dtype=pl.Date),
            export_reference_month=pl.lit(
                None if origin.export is None else month_of_ordinal(origin.export), dtype=pl.Date
            ),
            is_us_exporter=_us_exporter(delivered),
            sources_present_count=pl.Series(spoken.sum(axis=1), dtype=pl.Int64),
            completeness_text=_texts(spoken, delivered),
        )
        .filter(pl.Series(insured_ever) | pl.col("notice_reported_on").is_not_null())
    )


def _us_exporter(delivered: tuple[bool, ...]) -> pl.Expr:
    """True by list or by customs; false only where one of the two sources exists to say so."""
    yes = pl.col("is_listed") | (pl.col("export_us_12m_usd_cent").fill_null(0) > 0)
    return yes if delivered[3] or delivered[4] else pl.lit(None, dtype=pl.Boolean)


def _sources(panel: Panel, enterprises: pl.DataFrame, insured_ever: Bools) -> Bools:
    spoken = np.zeros((panel.count, len(SOURCES)), dtype=np.bool_)
    spoken[:, 0] = insured_ever
    spoken[:, 1] = enterprises["is_registered"].fill_null(value=False).to_numpy()
    if panel.monitor is not None:
        spoken[panel.monitor.position, 2] = True
    if panel.exports is not None:
        spoken[panel.exports.position, 3] = True
    spoken[:, 4] = enterprises["is_listed"].to_numpy()
    return spoken


def _texts(spoken: Bools, delivered: tuple[bool, ...]) -> pl.Series:
    """Words for each combination once, then looked up."""
    code = np.zeros(len(spoken), dtype=np.int64)
    for place in range(len(SOURCES)):
        code += spoken[:, place].astype(np.int64) << place
    words = pl.Series([completeness(number, delivered) for number in range(1 << len(SOURCES))])
    return words.gather(code)


def completeness(code: int, delivered: tuple[bool, ...]) -> str:
    """Sources that speak of the enterprise (bits of ``code``), those without a record of it, those not delivered."""
    present = [name for place, name in enumerate(SOURCES) if code >> place & 1]
    silent = [name for place, name in enumerate(SOURCES) if not code >> place & 1 and delivered[place]]
    absent = [name for place, name in enumerate(SOURCES) if not code >> place & 1 and not delivered[place]]
    parts = (("有", present), ("无记录", silent), ("缺", absent))
    return "；".join(f"{word}：{'、'.join(names)}" for word, names in parts if names)


def _series(name: str, value: Masked) -> pl.Series:
    plain = pl.Series(value.values).set(pl.Series(~value.valid), None)
    if name not in MONTHS:
        return plain
    number = pl.lit(plain)
    return pl.select(pl.date(number // 12, number % 12 + 1, 1)).to_series()
