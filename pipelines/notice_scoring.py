"""``wengang score-notices``: from a register of layoff notices, each employer's chance of a further one.

Reads a canonical register (``models.notice_cleaning.SCHEMA``) and, where there are any, links between its notices;
employers are what the register calls them. Needs no home and no warehouse. What is removed comes back with its reason.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from models import notice_learning
from models.errors import NothingToLearnError
from models.notice_cleaning import LINKS, SCHEMA, Rules, clean, counted
from models.notice_history import History, history, plus_months
from models.notice_learning import BASELINES, Settings, Taught
from models.notice_panel import Question, panel
from pipelines.errors import DeliveryError, UsageError

OUTPUT = (
    *("origin", "employer", "area", "notices", "months_since_last", "probability"),
    *(f"baseline_{name}" for name in BASELINES),
    "filed_again",
)


@dataclass(frozen=True)
class Request:
    """What to score: all employers at risk at each of ``origins`` (first days of months).

    The model is taught by outcomes that had matured by ``taught_until``; ``until`` is the first day that the register
    does not tell about: outcomes that reach beyond it are unknown.
    """

    origins: tuple[date, ...]
    taught_until: date
    until: date
    question: Question = field(default_factory=Question)
    rules: Rules = field(default_factory=Rules)
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True)
class Scored:
    """The rows of ``OUTPUT``, the register with the reason of each removal, rows by reason, and how it was learned."""

    scores: pl.DataFrame
    register: pl.DataFrame
    counts: dict[str, int]
    taught: Taught


def score_notices(
    register: pl.DataFrame, links: pl.DataFrame | None, request: Request, *, say: Callable[[str], None]
) -> Scored:
    """Clean, learn and score.

    Raises ``DeliveryError`` for a frame that is no register, ``UsageError`` for origins that cannot be scored and for a
    register that cannot teach.
    """
    _check(request)
    try:
        cleaned = clean(register, links, until=request.until, rules=request.rules)
    except ValueError as error:
        raise DeliveryError(str(error)) from error
    counts = counted(cleaned)
    say(told(counts))
    past = history(cleaned)
    try:
        taught = notice_learning.fit(
            past, request.question, until=request.taught_until, settings=request.settings, say=say
        )
    except NothingToLearnError as error:
        raise UsageError(f"the register cannot teach: {error}") from error
    return Scored(scores_of(past, taught, request), cleaned, counts, taught)


def scores_of(past: History, taught: Taught, request: Request) -> pl.DataFrame:
    """The rows of ``OUTPUT`` in order of origin and employer."""
    frame = panel(past, request.origins, request.question)
    names = pl.Series("employer", past.employers, dtype=pl.String)
    areas = pl.Series("area", past.areas, dtype=pl.String)
    known = [origin for origin in request.origins if plus_months(origin, request.question.horizon) <= request.until]
    ranked = [pl.Series(f"baseline_{name}", score) for name, score in notice_learning.baselines(frame).items()]
    found = frame.with_columns(
        names.gather(frame["employer_no"]),
        areas.gather(frame["area_no"]),
        pl.col("notices").cast(pl.Int64),
        pl.Series("probability", taught.model.probability(frame)),
        *ranked,
        months_since_last="since_last",
        filed_again=pl.when(pl.col("origin").is_in(known)).then("event"),
    )
    return found.select(OUTPUT).sort("origin", "employer")


def removed_rows(register: pl.DataFrame) -> pl.DataFrame:
    """The rows of a cleaned register that were removed, with the employer's key and the reason."""
    return register.filter(pl.col("reason").is_not_null())


def told(counts: dict[str, int]) -> str:
    """Rows by reason in one line."""
    removed = ", ".join(f"{count} {reason}" for reason, count in counts.items() if count and reason != "kept")
    return f"register: {sum(counts.values())} rows, {counts['kept']} kept; removed: {removed or 'none'}"


def read_register(path: Path) -> pl.DataFrame:
    """The canonical register in a Parquet or CSV file; raises ``DeliveryError`` where it is neither."""
    return _read(path, dict(SCHEMA))


def read_links(path: Path) -> pl.DataFrame:
    """The links in a Parquet or CSV file; raises ``DeliveryError`` where it is neither, or lacks a column."""
    links = _read(path, dict(LINKS))
    missing = [name for name in LINKS if name not in links.columns]
    if missing:
        raise DeliveryError(f"{path.name} lacks {', '.join(missing)}")
    return links


def _read(path: Path, schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    try:
        if path.suffix.lower() == ".csv":
            return pl.read_csv(path, schema_overrides=schema)
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DeliveryError(f"{path.name} cannot be read as Parquet or CSV: {error}") from error


def _check(request: Request) -> None:
    if not request.origins:
        raise UsageError("no origin to score")
    first, last = min(request.origins), max(request.origins)
    if request.taught_until > first:
        raise UsageError(
            f"taught until {request.taught_until}, after the first origin {first}: that would be hindsight"
        )
    if last > request.until:
        raise UsageError(f"origin {last} lies after {request.until}, up to which the register tells")
