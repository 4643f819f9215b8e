"""Corrections as data: what a source is known to have got wrong, who says so, since when and until when.

A ``*.corrections.yml`` is read by a person's command, checked whole against the contracts and put on record; the
ledger, not the file, is what a night sees, so that replays see what was on record then. A correction is known from its
date on. Whether it still fits what the source says is decided where landed rows are shown to a night; nothing here
reads a row.
"""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.checks import Check
from pipelines.contracts import DUCKDB_TYPES, Contracts, Kind
from pipelines.contracts import Feed as FeedContract
from pipelines.errors import ContractError, NotFoundError
from pipelines.ledger import Ledger
from pipelines.warehouse import scratch

SUFFIX = ".corrections.yml"
KIND = "correction"
JUDGED = frozenset({"not_null", "between", "bounded", "codes", "matches", "uscc", "organisation_code"})
HUNDREDTHS: Mapping[str, str] = {"fen": "元", "usd_cent": "美元", "basis_point": "%"}
Word = Annotated[str, Field(min_length=2)]


class Selector(BaseModel):
    """Which rows of a feed: those that hold the values of ``key``, are of ``period`` and of ``batch``, as far as said.

    ``period`` is ``YYYY-MM`` or a day, ``batch`` the name of a batch or at least eight letters of its beginning.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    key: Mapping[str, Any] = Field(default_factory=dict)
    period: Any = None
    batch: Annotated[str, Field(pattern=r"^[0-9a-f]{8,16}(-[0-9a-f]{8})?$")] | None = None


class Entry(BaseModel):
    """One correction as a person writes it; values in the unit that officers use (元, 美元, %)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{2,63}$")]
    feed: str
    select: Selector
    action: Literal["replace", "drop"] = "replace"
    column: str | None = None
    wrong: Any = None
    right: Any = None
    reason: Word
    reporter: Word
    date: dt.date
    expires: dt.date | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    corrections: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Correction:
    """A correction on record: values as text that casts to the column's type, None where a value is missing.

    ``is_guarded`` tells that the rows must hold ``wrong`` in ``column``: always so where a value is replaced.
    """

    id: str
    feed: str
    action: Literal["replace", "drop"]
    key: Mapping[str, str]
    period: str | None
    batch: str | None
    column: str | None
    wrong: str | None
    right: str | None
    is_guarded: bool
    reason: str
    reporter: str
    known_on: date
    expires_on: date | None

    @property
    def digest(self) -> str:
        """Hash of all that it says."""
        text = json.dumps(self.as_body(), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def as_body(self) -> dict[str, Any]:
        """As plain values for the ledger."""
        return {
            **self.__dict__,
            "key": dict(self.key),
            "known_on": self.known_on.isoformat(),
            "expires_on": self.expires_on.isoformat() if self.expires_on else None,
        }


def _of_body(body: Mapping[str, Any]) -> Correction:
    expires = body["expires_on"]
    dates = {
        "known_on": date.fromisoformat(body["known_on"]),
        "expires_on": date.fromisoformat(expires) if expires else None,
    }
    return Correction(**{**body, **dates})


@dataclass(frozen=True)
class Loaded:
    """What reading files put on record: corrections that came or changed, and those that their files no longer hold."""

    came: tuple[str, ...]
    gone: tuple[str, ...]
    unchanged: int


def load(paths: Sequence[Path], *, contracts: Contracts, ledger: Ledger, now: datetime) -> Loaded:
    """Put the corrections of ``paths`` on record; what a file held before and no longer does is taken back.

    Raises ``ContractError`` naming every fault of every file; then nothing is on record.
    """
    found, faults = check(paths, contracts=contracts, today=now.date())
    held = on_record(ledger)
    for name, corrections in found.items():
        claimed = [c.id for c in corrections if c.id in held and held[c.id][0] != name]
        faults += [f"{name}: {one}: already on record from {held[one][0]}; give it another id" for one in claimed]
    if faults:
        raise ContractError(faults)
    came, gone, unchanged = list[str](), list[str](), 0
    for name, corrections in found.items():
        own = {one: kept for one, (file, kept) in held.items() if file == name}
        for correction in corrections:
            if own.pop(correction.id, None) == correction:
                unchanged += 1
                continue
            body = {"file": name, "says": correction.as_body()}
            ledger.append(KIND, subject=correction.id, at=now, body=body)
            came.append(correction.id)
        for one in sorted(own):
            _take_back(one, name, ledger, now=now, reason="no longer in its file")
            gone.append(one)
    return Loaded(tuple(came), tuple(gone), unchanged)


def retract(one: str, *, ledger: Ledger, now: datetime, reason: str) -> None:
    """Take a correction back from now on; it stays on record. Raises ``NotFoundError`` where none is in force."""
    held = on_record(ledger)
    if one not in held:
        raise NotFoundError(f"no correction {one} is on record; on record: {', '.join(sorted(held)) or 'none'}")
    _take_back(one, held[one][0], ledger, now=now, reason=reason)


def _take_back(one: str, file: str, ledger: Ledger, *, now: datetime, reason: str) -> None:
    ledger.append(KIND, subject=one, at=now, body={"file": file, "says": None, "reason": reason})


def on_record(ledger: Ledger) -> dict[str, tuple[str, Correction]]:
    """Id → file and correction of all that are not taken back, whatever their dates."""
    last = {entry["subject"]: entry for entry in ledger.entries(KIND)}
    return {one: (entry["file"], _of_body(entry["says"])) for one, entry in sorted(last.items()) if entry["says"]}


def known(ledger: Ledger, *, through: int, cutoff: datetime) -> tuple[Correction, ...]:
    """The corrections that a night sees: on record by ``through`` and dated before ``cutoff``, in order of id.

    One whose later version is dated after the cutoff is seen as it was before; so is one that was taken back later.
    """
    last: dict[str, Mapping[str, Any]] = {}
    for entry in ledger.entries(KIND, through=through):
        says = entry["says"]
        at = datetime.combine(date.fromisoformat(says["known_on"]), datetime.min.time()) if says else None
        if (at or datetime.fromisoformat(entry["at"])) < cutoff:
            last[entry["subject"]] = entry
    return tuple(_of_body(entry["says"]) for _, entry in sorted(last.items()) if entry["says"])


def check(
    paths: Sequence[Path], *, contracts: Contracts, today: date
) -> tuple[dict[str, tuple[Correction, ...]], list[str]]:
    """File name → its corrections, and every fault in words; a correction with a fault is left out."""
    found: dict[str, tuple[Correction, ...]] = {}
    faults: list[str] = []
    seen: dict[str, str] = {}
    for path in paths:
        if not path.name.endswith(SUFFIX):
            faults.append(f"{path.name}: a file of corrections is called *{SUFFIX}")
            continue
        if path.name in found:
            faults.append(f"{path.name}: two files of this name were given; corrections are on record by file name")
            continue
        good = []
        for entry in _entries(path, faults):
            own = [*_faults(entry, contracts, today)]
            own += [f"the id is used twice, in {seen[entry.id]} as well"] if entry.id in seen else []
            seen[entry.id] = path.name
            faults += [f"{path.name}: {entry.id}: {fault}" for fault in own]
            if not own:
                good.append(_correction(entry, contracts))
        found[path.name] = tuple(good)
    return found, faults


def _entries(path: Path, faults: list[str]) -> tuple[Entry, ...]:
    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        return _File.model_validate(body).corrections
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        faults.append(f"{path.name}: cannot be read: {' '.join(str(error).split())}")
    except ValidationError as error:
        faults += [f"{path.name}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    return ()


def _faults(entry: Entry, contracts: Contracts, today: date) -> Iterable[str]:
    """All that is wrong with one entry in the light of the contracts."""
    feed = contracts.feeds.get(entry.feed)
    if feed is None:
        yield f"no contract describes feed {entry.feed}; known: {', '.join(sorted(contracts.feeds))}"
        return
    if entry.date > today:
        yield f"dated {entry.date}, after today ({today}): a correction is known from its date on"
    if entry.expires and entry.expires <= entry.date:
        yield f"expires on {entry.expires}, which is not after its date {entry.date}"
    yield from _selector_faults(entry.select, feed, contracts)
    yield from _column_faults(entry, feed, contracts)


def _selector_faults(select: Selector, feed: FeedContract, contracts: Contracts) -> Iterable[str]:
    if not select.key and select.period is None and select.batch is None:
        yield "selects nothing: give key, period or batch"
    for name, value in select.key.items():
        if name not in feed.columns:
            yield f"select.key: feed {feed.feed} has no column {name}; it has: {', '.join(feed.columns)}"
        elif value is None:
            yield f"select.key.{name}: a missing value selects nothing"
        else:
            yield from _value_faults(f"select.key.{name}", value, name, feed, contracts)
    period = contracts.feed_period(feed)
    if select.period is not None and period is None:
        yield f"select.period: nothing dates a row of feed {feed.feed}"
    elif select.period is not None and period is not None:
        yield from _value_faults("select.period", select.period, period, feed, contracts)


def _column_faults(entry: Entry, feed: FeedContract, contracts: Contracts) -> Iterable[str]:
    given = entry.model_fields_set
    if entry.action == "replace":
        yield from (f"{name} is missing" for name in ("column", "wrong", "right") if name not in given)
    elif "right" in given:
        yield "right: a row that is dropped has no right value"
    elif ("column" in given) != ("wrong" in given):
        yield "column and wrong guard a drop together: give both or neither"
    if entry.column is None:
        return
    if entry.column not in feed.columns:
        yield f"column: feed {feed.feed} has no column {entry.column}; it has: {', '.join(feed.columns)}"
        return
    if entry.action == "replace" and entry.column in {*contracts.feed_key(feed), contracts.feed_period(feed)}:
        yield f"column: {entry.column} tells which row it is; drop the row and have it delivered again"
    wrong = list(_value_faults("wrong", entry.wrong, entry.column, feed, contracts)) if "wrong" in given else []
    right = list(_value_faults("right", entry.right, entry.column, feed, contracts)) if "right" in given else []
    yield from (*wrong, *right)
    if entry.action == "drop" or not {"wrong", "right"} <= given or wrong or right:
        return
    kind = contracts.feed_column(feed, entry.column).type
    if as_text(entry.wrong, kind) == as_text(entry.right, kind):
        yield "wrong and right are the same value"
    for broken in _broken(entry, feed, contracts):
        yield f"right: breaks a rule of the feed: {broken.sentence}"


def _value_faults(place: str, value: Any, column: str, feed: FeedContract, contracts: Contracts) -> Iterable[str]:
    kind = contracts.feed_column(feed, column).type
    try:
        as_text(value, kind)
    except ValueError as error:
        yield f"{place}: {error}"


def _broken(entry: Entry, feed: FeedContract, contracts: Contracts) -> list[Check]:
    """The ``fail`` rules about the corrected column alone that its right value breaks."""
    assert entry.column is not None, "only where a column is named"
    kind = contracts.feed_column(feed, entry.column).type
    rules = [
        rule
        for rule in contracts.checks(feed)
        if rule.severity == "fail" and rule.kind in JUDGED and rule.columns == (entry.column,)
    ]
    if not rules:
        return []
    predicates = ", ".join(rule.predicate() for rule in rules)
    query = f'SELECT {predicates} FROM (SELECT CAST($right AS {DUCKDB_TYPES[kind]}) AS "{entry.column}")'
    with scratch(contracts) as warehouse:
        ((*passed,),) = warehouse.rows(query, right=as_text(entry.right, kind))
    return [rule for rule, is_good in zip(rules, passed, strict=True) if not is_good]


def _correction(entry: Entry, contracts: Contracts) -> Correction:
    feed, select = contracts.feeds[entry.feed], entry.select

    def text(value: Any, column: str) -> str | None:
        return as_text(value, contracts.feed_column(feed, column).type)

    period = contracts.feed_period(feed)
    column = entry.column
    return Correction(
        id=entry.id,
        feed=entry.feed,
        action=entry.action,
        key={name: text(value, name) or "" for name, value in sorted(select.key.items())},
        period=text(select.period, period) if period and select.period is not None else None,
        batch=select.batch,
        column=column,
        wrong=text(entry.wrong, column) if column else None,
        right=text(entry.right, column) if column and entry.action == "replace" else None,
        is_guarded=column is not None,
        reason=" ".join(entry.reason.split()),
        reporter=" ".join(entry.reporter.split()),
        known_on=entry.date,
        expires_on=entry.expires,
    )


def as_text(value: Any, kind: Kind) -> str | None:
    """``value`` as text that casts to a column of ``kind``, None for a missing one; raises ``ValueError`` in words.

    Money is written in yuan or dollars and a share in percent, at two decimals at most.
    """
    if value is None:
        return None
    match kind:
        case "text":
            if not isinstance(value, str):
                raise ValueError(f"{value!r} is not text; write it in quotes so that no zero is lost")
            return value
        case "boolean":
            if not isinstance(value, bool):
                raise ValueError(f"{value!r} is not true or false")
            return "true" if value else "false"
        case "integer" | "fen" | "usd_cent" | "basis_point" | "number":
            return _number(value, kind)
        case "month" | "date":
            return _day(value, kind)
    raise ValueError(f"a column of type {kind} cannot be corrected")


def _number(value: Any, kind: Kind) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is not a number")
    try:
        exact = Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is not a number") from error
    if not exact.is_finite():
        raise ValueError(f"{value!r} is not a number")
    if kind == "number":
        return repr(float(exact))
    scaled = exact * 100 if kind in HUNDREDTHS else exact
    if scaled != scaled.to_integral_value():
        unit = HUNDREDTHS.get(kind)
        raise ValueError(
            f"{value!r} has more than two decimals of {unit}" if unit else f"{value!r} is not a whole number"
        )
    return str(int(scaled))


def _day(value: Any, kind: Kind) -> str:
    text = value.isoformat() if isinstance(value, date) else str(value)
    text = f"{text}-01" if kind == "month" and re.fullmatch(r"\d{4}-\d{2}", text) else text
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(
            f"{value!r} is not {'a month, YYYY-MM' if kind == 'month' else 'a day, YYYY-MM-DD'}"
        ) from error
    if kind == "month" and day.day != 1:
        raise ValueError(f"{value!r} is not a month, YYYY-MM")
    return day.isoformat()
