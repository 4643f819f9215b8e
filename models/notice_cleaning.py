"""A register of layoff notices made fit to count: employers by key, amendments and repeats out, each with its reason.

The register is one row per filing. A row is removed for what it or an *earlier* row says, never for a later one, so
what stood on a day stands ever after. Nothing is removed silently: every row of the register comes back with its
``reason``, null where it is kept. Frames are Polars; days are dates.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from models.notice_names import employer_key, family, has_mark

SCHEMA: Mapping[str, type[pl.DataType]] = {
    "notice_id": pl.String,
    "employer": pl.String,
    "area": pl.String,
    "county": pl.String,
    "place": pl.String,
    "noticed_on": pl.Date,
    "starts_on": pl.Date,
    "persons": pl.Int64,
    "industry": pl.String,
    "is_closure": pl.Boolean,
    "is_amendment": pl.Boolean,
}
"""The canonical register. ``noticed_on`` is the day of the notice or of its receipt, never the day layoffs start."""
REQUIRED = ("notice_id", "employer", "area", "noticed_on")
LINKS: Mapping[str, type[pl.DataType]] = {"notice_id": pl.String, "earlier_id": pl.String, "kind": pl.String}
"""Which notice amends or repeats which; ``kind`` is ``amendment`` or ``duplicate``."""

NO_NAME, NO_DAY, ODD_DAY = "no_employer", "no_notice_day", "impossible_notice_day"
DECLARED, LINKED, TWIN = "declared_amendment", "linked_amendment", "linked_duplicate"
REPEAT, RESTATED, REFILED = "same_day_repeat", "same_layoff_restated", "refiled_at_the_same_site"
UNUSABLE = (NO_NAME, NO_DAY, ODD_DAY)
AMENDING = (DECLARED, LINKED, TWIN, REPEAT, RESTATED, REFILED)
REASONS = (*UNUSABLE, *AMENDING)


@dataclass(frozen=True)
class Rules:
    """When a later notice is taken for an earlier one said again.

    ``refiled_days`` is the notice period of the WARN Act (29 USC 2102): until then the layoffs of the first notice are
    still to come. ``first_day`` is the Act's first day in force.
    """

    refiled_days: int = 60
    restated_days: int = 365
    first_day: date = date(1989, 2, 4)
    removed: tuple[str, ...] = AMENDING


@dataclass(frozen=True)
class _Site:
    county: str | None
    place: str | None

    def may_be(self, other: "_Site") -> bool:
        """Whether nothing shows that these are two sites: what one side does not tell cannot tell them apart."""
        if self.place and other.place:
            return self.place == other.place
        return not (self.county and other.county) or self.county == other.county


@dataclass(frozen=True)
class _Filing:
    day: date
    site: _Site
    starts_on: date | None
    persons: int | None


def clean(register: pl.DataFrame, links: pl.DataFrame | None = None, *, until: date, rules: Rules) -> pl.DataFrame:
    """``register`` in order of day with ``employer_key``, ``family`` and ``reason`` (null where the row is kept).

    A row dated ``until`` or later cannot have been. Raises ``ValueError`` for a frame that is no register.
    """
    rows = _canonical(register)
    keys = [
        employer_key(name, tuple(place for place in (town, county, area) if place)) if name else ""
        for name, town, county, area in rows.select("employer", "place", "county", "area").iter_rows()
    ]
    named = rows.with_columns(
        pl.Series("employer_key", keys, dtype=pl.String),
        pl.Series("family", [family(key) for key in keys], dtype=pl.String),
    ).sort("noticed_on", "area", "employer_key", "notice_id", nulls_last=True)
    told = _told(named, links, until=until, first=rules.first_day)
    found = told.with_columns(pl.Series("by_rule", _by_rule(told, rules), dtype=pl.String))
    reason = pl.coalesce("told", "by_rule")
    kept_by_choice = ~reason.is_in([*UNUSABLE, *rules.removed])
    return found.with_columns(reason=pl.when(kept_by_choice).then(None).otherwise(reason)).drop("told", "by_rule")


def counted(cleaned: pl.DataFrame) -> dict[str, int]:
    """Rows by reason, in the order of ``REASONS``, and ``kept``; they add up to the rows of the register."""
    counts = dict(cleaned.group_by("reason").len().iter_rows())
    return {**{reason: int(counts.get(reason, 0)) for reason in REASONS}, "kept": int(counts.get(None, 0))}


def _canonical(register: pl.DataFrame) -> pl.DataFrame:
    missing = [name for name in REQUIRED if name not in register.columns]
    if missing:
        raise ValueError(f"the register lacks {', '.join(missing)}")
    try:
        rows = register.select(
            (pl.col(name) if name in register.columns else pl.lit(None)).cast(kind).alias(name)
            for name, kind in SCHEMA.items()
        )
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"a column of the register has another type: {error}") from error
    if rows["notice_id"].null_count() or rows["notice_id"].n_unique() != rows.height:
        raise ValueError("notice_id must be there and name one notice each")
    return rows


def _told(rows: pl.DataFrame, links: pl.DataFrame | None, *, until: date, first: date) -> pl.DataFrame:
    """``rows`` with the reason ``told`` by the row itself or by a link to an earlier row."""
    marked = pl.Series([has_mark(name or "") for name in rows["employer"].to_list()], dtype=pl.Boolean)
    later = _linked(rows, links)
    day, key = pl.col("noticed_on"), pl.col("notice_id")
    return rows.with_columns(
        told=pl.when(pl.col("employer_key") == "")
        .then(pl.lit(NO_NAME))
        .when(day.is_null())
        .then(pl.lit(NO_DAY))
        .when((day < first) | (day >= until))
        .then(pl.lit(ODD_DAY))
        .when(pl.col("is_amendment").fill_null(value=False) | marked)
        .then(pl.lit(DECLARED))
        .when(key.is_in(later.get("amendment", [])))
        .then(pl.lit(LINKED))
        .when(key.is_in(later.get("duplicate", [])))
        .then(pl.lit(TWIN))
    )


def _linked(rows: pl.DataFrame, links: pl.DataFrame | None) -> dict[str, list[str]]:
    """Numbers of the later notice of every link between two rows of the register, by kind; the undated is the later."""
    if links is None or links.is_empty():
        return {}
    order = rows.select("notice_id", pl.int_range(pl.len()).alias("order"))
    both = (
        links.select(pl.col(name).cast(kind) for name, kind in LINKS.items())
        .join(order, on="notice_id")
        .join(order.rename({"notice_id": "earlier_id", "order": "other"}), on="earlier_id")
        .filter(pl.col("order") != pl.col("other"))
        .with_columns(
            later=pl.when(pl.col("order") > pl.col("other")).then("notice_id").otherwise("earlier_id"),
        )
    )
    return {
        kind: both.filter(pl.col("kind") == kind)["later"].unique().sort().to_list()
        for kind in ("amendment", "duplicate")
    }


def _by_rule(rows: pl.DataFrame, rules: Rules) -> list[str | None]:
    """The reason by rule of each row, against the earlier filings of the same employer and area that were kept."""
    kept: dict[tuple[str, str], list[_Filing]] = {}
    reasons: list[str | None] = []
    columns = ("employer_key", "area", "noticed_on", "county", "place", "starts_on", "persons", "told")
    for key, area, day, county, place, starts_on, persons, told in rows.select(columns).iter_rows():
        if told is not None:
            reasons.append(None)
            continue
        filing = _Filing(day, _Site(_bare(county), _bare(place)), starts_on, persons)
        earlier = kept.setdefault((key, area), [])
        reason = _said_before(filing, reversed(earlier), rules)
        reasons.append(reason)
        if reason is None:
            earlier.append(filing)
    return reasons


def _said_before(filing: _Filing, earlier: Iterable[_Filing], rules: Rules) -> str | None:
    """Why ``filing`` says again what one of the ``earlier`` (latest first) said; None where none did."""
    for other in earlier:
        passed = (filing.day - other.day).days
        if passed > max(rules.restated_days, rules.refiled_days):
            return None
        if not filing.site.may_be(other.site):
            continue
        if passed == 0:
            if (filing.persons, filing.starts_on, filing.site) == (other.persons, other.starts_on, other.site):
                return REPEAT
        elif passed <= rules.restated_days and filing.starts_on and filing.starts_on == other.starts_on:
            return RESTATED
        elif passed <= rules.refiled_days:
            return REFILED
    return None


def _bare(text: str | None) -> str | None:
    return text.strip().casefold() or None if text else None
