"""The figures of the monthly report, read once from the published file of an edition by queries of ``sql/monthly``.

The report, the page and the bulletin print figures of here and nothing else, so they cannot differ. A figure knows its
key, value, unit and query; a table that an older edition does not have gives no rows.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import duckdb

from pipelines import formats
from pipelines.contracts import read_sql
from pipelines.errors import UsageError
from pipelines.explain import every
from pipelines.ledger import Ledger
from pipelines.settings import Home
from pipelines.warehouse import connect_published

QUERIES = (
    "edition", "city", "trend", "season", "area", "largest", "market", "balance", "supply", "zone", "hires",
    "monitored", "reduction", "reason", "change", "action", "deadline", "response", "instrument", "expired", "level",
    "judged", "area_order", "area_done", "forecast",
    "target", "cell", "exporter", "exporter_county", "source", "quality", "large", "limit", "revision", "earlier",
)  # fmt: skip
ARGUMENT = "option"
UNITS = {
    "_persons": "人",
    "_count": "家",
    "_posts": "个",
    "_times": "倍",
    "_ratio": "%",
    "_usd_cent": "万美元",
    "month": "月份",
}
OTHER_UNITS = {
    "order_count": "件",
    "case_count": "件",
    "answered_count": "件",
    "check_count": "项",
    "failed_count": "项",
    "warned_count": "项",
    "row_count": "行",
    "quarantined_count": "行",
    "refused_count": "个",
    "persons": "人",
    "visit_count": "次",
    "refused_visit_count": "份",
    "late_visit_count": "份",
    "judged_order_count": "件",
    "timely_order_count": "件",
    "late_order_count": "件",
    "due_order_count": "件",
    "done_order_count": "件",
    "compared_days": "天",
    "county_places": "个",
}
STYLES: Mapping[str, Callable[..., str]] = {
    "_persons": formats.count,
    "_count": formats.count,
    "_posts": formats.count,
    "_ratio": formats.percent,
    "_times": formats.times,
    "_usd_cent": formats.ten_thousand_dollars,
}
SIGNED: Mapping[str, Callable[..., str]] = {"_ratio": formats.signed_percent, "_persons": formats.signed}
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """One value of the report: ``key`` is query, row and column; ``text`` is how it is printed everywhere."""

    key: str
    value: Any
    unit: str
    text: str

    @property
    def query(self) -> str:
        """Name of the file in ``sql/monthly`` that gives it."""
        return self.key.split(":")[0]


@dataclass(frozen=True)
class Figures:
    """All rows of all queries, by query and row key, and the arguments that the queries were given."""

    tables: Mapping[str, Mapping[str, Row]]
    arguments: Mapping[str, Any]

    def rows(self, query: str) -> Sequence[str]:
        """The keys of a query's rows, in its order."""
        return tuple(self.tables[query])

    def value(self, query: str, row: str, column: str) -> Any:
        """A value as it is, None where there is no such row; to decide by, never to print."""
        return self.tables[query].get(row, {}).get(column)

    def figure(self, query: str, row: str, column: str, *, signed: bool = False) -> Figure:
        """A value to print; one that is missing reads 无数据."""
        value = self.value(query, row, column)
        return Figure(f"{query}:{row}:{column}", value, unit_of(column), text_of(column, value, signed=signed))

    def argument(self, name: str) -> Figure:
        """An argument of the queries to print."""
        value = self.arguments[name]
        return Figure(f"{ARGUMENT}:{name}:{name}", value, "家", formats.count(value))

    def absolute(self, query: str, row: str, column: str) -> Figure:
        """The size of a value whose direction a word tells."""
        value = self.value(query, row, column)
        size = None if value is None else abs(value)
        return Figure(f"{query}:{row}:{column}", value, unit_of(column), text_of(column, size))


def read(path: Path, *, largest: int, earlier: Path | None = None) -> Figures:
    """All figures of the edition in ``path``; the ``largest`` losers are those that variants leave out.

    ``earlier`` is the file of the last report: what it said otherwise is told as revised.
    """
    with closing(connect_published(path, earlier=earlier)) as connection:
        return collect(connection, largest=largest)


def earlier_of(home: Home, path: Path) -> Path | None:
    """The newest kept file of an edition in force whose insurance month lies before that of ``path``; None without."""
    month, as_of = _months(path)
    records = [
        record for record in Ledger(home.ledger).editions() if record.status == "issued" and record.as_of < as_of
    ]
    latest = {record.as_of: home.published / f"wengang-{record.edition_id}.duckdb" for record in records}
    files = (latest[day] for day in sorted(latest, reverse=True) if latest[day].is_file())
    return next((file for file in files if month and (_months(file)[0] or month) < month), None)


def _months(path: Path) -> tuple[date | None, date]:
    """Reference month and business date of a published file."""
    with closing(connect_published(path)) as connection:
        row = every(connection, "SELECT reference_month, as_of FROM out.edition")[0]
    return row["reference_month"], row["as_of"]


def collect(connection: duckdb.DuckDBPyConnection, *, largest: int) -> Figures:
    """The same from an open file; raises ``ValueError`` where a query gives two rows of one key."""
    month = every(connection, "SELECT reference_month FROM out.edition")[0]["reference_month"]
    arguments = {"month": month, "largest": largest}
    return Figures(tables_of(connection, "monthly", QUERIES, arguments), arguments)


TABLES = """
SELECT
    CASE WHEN database_name = current_database() THEN '' ELSE database_name || '.' END
    || schema_name || '.' || table_name AS name
FROM duckdb_tables()
"""


def tables_of(
    connection: duckdb.DuckDBPyConnection, folder: str, names: Sequence[str], arguments: Mapping[str, Any]
) -> dict[str, dict[str, Row]]:
    """Rows of the queries ``names`` of ``sql/<folder>`` by query and row key; none of one whose tables are not there.

    Raises ``ValueError`` where a query gives two rows of one key.
    """
    known = {row["name"] for row in every(connection, TABLES)}
    return {name: _table(connection, f"{folder}/{name}", arguments, known) for name in names}


def _table(
    connection: duckdb.DuckDBPyConnection, name: str, arguments: Mapping[str, Any], known: set[str]
) -> dict[str, Row]:
    text = read_sql(name)
    if not set(re.findall(r"\b(?:earlier\.)?out\.\w+", text)) <= known:
        return {}
    needed = set(re.findall(r"\$(\w+)", re.sub(r"--.*", "", text)))
    try:
        rows = every(connection, text, **{key: arguments[key] for key in sorted(needed)})
    except duckdb.BinderException as error:
        message = "the edition was published by an older version, without a column that this report tells; replay it"
        raise UsageError(f"{message} ({str(error).splitlines()[0]})") from error
    found: dict[str, Row] = {str(row["row_key"]): row for row in rows}
    if len(found) != len(rows):
        raise ValueError(f"sql/{name}.sql gives two rows of one key")
    return found


def unit_of(column: str) -> str:
    """The unit of a column; empty where it is words or a day."""
    return OTHER_UNITS.get(column) or next((unit for end, unit in UNITS.items() if column.endswith(end)), "")


def text_of(column: str, value: Any, *, signed: bool = False) -> str:
    """How a value of ``column`` is printed."""
    if value is None:
        return "无数据"
    if isinstance(value, datetime):
        return formats.instant(value)
    if isinstance(value, date):
        is_month = column.endswith("month") or column in ("period_to", "level_since")
        return formats.month(value) if is_month else formats.day(value)
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not column.endswith(("_ratio", "_times")):
        return formats.count(int(Decimal(str(value)).quantize(Decimal(1), ROUND_HALF_UP)))
    if signed:
        style = next((style for end, style in SIGNED.items() if column.endswith(end)), formats.signed)
        return style(value)
    return next((style for end, style in STYLES.items() if column.endswith(end)), formats.count)(value)


def ledger_of(figures: Iterable[Figure]) -> str:
    """The printed figures as CSV, each once: key, value, unit, text and the query that gives it."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["数据项", "数值", "单位", "文中写法", "查询"])
    told: set[tuple[str, str]] = set()
    for figure in figures:
        if (figure.key, figure.text) not in told:
            told.add((figure.key, figure.text))
            source = "命令参数" if figure.query == ARGUMENT else f"sql/monthly/{figure.query}.sql"
            writer.writerow([figure.key, figure.value, figure.unit, figure.text, source])
    return stream.getvalue()
