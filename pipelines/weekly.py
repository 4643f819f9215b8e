"""The figures of the weekly sheets, read once per county from the published files of an edition and of the week before.

The same one source as the monthly report: a sheet prints figures of here and nothing else, each a query of
``sql/weekly``, a row and a column. A county's figures come from queries that ask for its rows alone.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from pipelines.ledger import Ledger
from pipelines.monthly import Figures, tables_of
from pipelines.settings import Home
from pipelines.warehouse import connect_published

QUERIES = (
    "edition", "earlier", "standing", "movement", "passing", "entered", "gone", "late", "due", "visited", "service",
    "staff", "level", "judged", "step", "score", "source", "unreported",
)  # fmt: skip
CITY = "全市"
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Sheet:
    """The figures of one county, or of the city (``CITY``), and its name."""

    code: str
    name: str
    figures: Figures


def read(path: Path, *, earlier: Path | None, city: str) -> tuple[Sheet, ...]:
    """The sheets of the edition in ``path``, the city's first; the week is counted from the file ``earlier``."""
    with closing(connect_published(path, earlier=earlier)) as connection:
        places = tables_of(connection, "weekly", ("place",), {})["place"]
        found = [Sheet(CITY, city, _of(connection, None))]
        found += [Sheet(code, str(row["county_name"]), _of(connection, code)) for code, row in places.items()]
    return tuple(found)


def _of(connection: duckdb.DuckDBPyConnection, county: str | None) -> Figures:
    arguments: Mapping[str, str | None] = {"county": county}
    return Figures(tables_of(connection, "weekly", QUERIES, arguments), arguments)


def earlier_of(home: Home, as_of: date) -> Path | None:
    """The published file of the edition that the week up to ``as_of`` is counted from; None where none is kept.

    It is the latest in force of a day that lies a week back or more and whose file is still there.
    """
    records = Ledger(home.ledger).editions()
    latest = {record.as_of: record for record in records if record.status == "issued" and record.as_of <= as_of - WEEK}
    files = (home.published / f"wengang-{latest[day].edition_id}.duckdb" for day in sorted(latest, reverse=True))
    return next((path for path in files if path.is_file()), None)


def day_of(path: Path) -> date:
    """The business date of the edition in a published file."""
    with closing(connect_published(path)) as connection:
        day: date = connection.execute("SELECT as_of FROM out.edition").fetchall()[0][0]
    return day
