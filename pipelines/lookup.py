"""Look-ups in the published file without SQL: which tables are offered, their filters, and a page of rows.

Every question opens the file read-only anew, so that a page left open answers from the newest edition.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from pipelines import formats, star
from pipelines.contracts import Column, Contracts, read_sql
from pipelines.errors import NotFoundError, PublishError
from pipelines.means import Means
from pipelines.warehouse import connect_published

ROWS_SHOWN = 30
NO_EDITION = "目前没有可查的期次（尚未发布，或刚被撤回）：期次由每晚的预警流程生成，请联系系统管理员，发布后刷新本页。"
ALL, UNKNOWN = "全部", "—"
FILTERS = ("county_name", "industry_name", "colour", "area_kind", "month")
SEARCHED = ("enterprise_name", "enterprise_id")
NOT_SHOWN = ("edition_id", "enterprise_no")


@dataclass(frozen=True)
class Lookup:
    """One table to look things up in: title, the table whose grain and warnings it has, order, a query of its own.

    ``first`` are the columns that come first; the others follow where all are asked for.
    """

    title: str
    table: str
    order: str
    first: tuple[str, ...] = ()
    query: str | None = None


LOOKUPS = (
    Lookup("预警名单", "out.warning", "rank_city, enterprise_id", (
        "warning_no", "colour", "change_kind", "enterprise_name", "county_name", "industry_name", "insured_persons",
        "insured_change_1m_persons", "net_loss_persons", "points", "trigger_text", "case_state", "listed_since",
    )),
    Lookup("预警原因", "out.warning_reason", "warning_no, reason_rank", query="lookup/reason"),
    Lookup("本期变化", "out.warning_change", "change_kind, warning_no"),
    Lookup("触发但未列入", "out.filtered", "points DESC, enterprise_id"),
    Lookup("企业", "out.enterprise", "insured_persons DESC NULLS LAST, enterprise_id", (
        "enterprise_name", "enterprise_id", "county_name", "industry_name", "size_class", "insured_persons",
        "insured_change_1m_persons", "insured_change_lunar_ratio", "arrears_months", "is_us_exporter",
        "is_labour_agency", "enterprise_status",
    )),
    Lookup("企业各月参保", "out.enterprise_month", "enterprise_id, month DESC", query="lookup/enterprise_month"),
    Lookup("企业政策判断", "out.policy_answer", "enterprise_id, instrument_name", query="lookup/policy"),
    Lookup("政策条款", "out.policy_instrument", "instrument_id"),
    Lookup("县区和行业形势", "out.area", "area_kind, county_code, industry_division", (
        "area_kind", "county_name", "industry_name", "enterprise_count", "insured_persons", "area_loss_persons",
        "usual_loss_ratio", "excess_loss_ratio", "area_level", "level_text", "is_small_cell",
    )),
    Lookup("县区行业各月", "out.county_industry_month", "month DESC, county_code, industry_division"),
    Lookup("工单", "out.work_order", "due_on NULLS LAST, order_no", (
        "order_no", "enterprise_name", "county_name", "colour", "task_name", "responsible_text", "due_on",
        "order_state", "done_on",
    )),
    Lookup("走访反馈", "out.visit_answer", "visited_on DESC, visit_no"),
    Lookup("目标任务", "out.target", "target_key, period_from", (
        "target_name", "target_unit", "period_from", "period_to", "target_month", "target_planned", "target_done",
        "done_ratio", "projected_done", "target_state", "note_text",
    )),
    Lookup("市场供求和登记", "out.market_month", "month DESC, market_measure, market_detail, county_code"),
    Lookup("数据截至情况", "out.source_status", "feed"),
    Lookup("当期参数", "out.parameter", "parameter_name"),
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What is looked up: values of filters by column (None is every value), a part of a name or code, all columns."""

    chosen: Mapping[str, Any] = field(default_factory=dict)
    search: str = ""
    has_all_columns: bool = False


@dataclass(frozen=True)
class Found:
    """A page of rows, how many there are in all, the edition that they are of, and the columns with their meaning."""

    rows: pl.DataFrame
    total: int
    edition_id: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Desk:
    """Where questions are answered: ``means`` gives home, contracts and the time of each deed."""

    means: Callable[[], Means]

    @property
    def path(self) -> Path:
        """The file that analysts read now."""
        return self.means().home.published / "current.duckdb"

    @property
    def contracts(self) -> Contracts:
        """The contracts of the home's feeds."""
        return self.means().contracts()

    def has_edition(self) -> bool:
        """Whether one can be read now: published, not taken back, not broken."""
        try:
            self.edition()
        except (NotFoundError, PublishError):
            return False
        return True

    def edition(self) -> dict[str, Any]:
        """The one row of ``out.edition``."""
        with closing(connect_published(self.path)) as connection:
            return dict(connection.sql("FROM out.edition").pl().to_dicts()[0])

    def choices(self, lookup: Lookup) -> dict[str, list[Any]]:
        """Column → its values, for each filter that the table offers; of months the latest first."""
        found: dict[str, list[Any]] = {}
        with closing(connect_published(self.path)) as connection:
            held = connection.sql(_body(lookup)).columns
            for name in (name for name in FILTERS if name in held):
                order = "DESC" if name == "month" else ""
                values = (
                    f'SELECT DISTINCT "{name}" FROM ({_body(lookup)}) WHERE "{name}" IS NOT NULL ORDER BY 1 {order}'
                )
                found[name] = [value for (value,) in connection.execute(values).fetchall()]
        return found

    def find(self, lookup: Lookup, asked: Asked, *, page: int = 1, rows: int | None = ROWS_SHOWN) -> Found:
        """The ``page``-th ``rows`` of what is asked, all of them where ``rows`` is None.

        Raises ``NotFoundError`` where nothing is published, ``PublishError`` where the file is broken.
        """
        with closing(connect_published(self.path)) as connection:
            columns = self._columns(lookup, connection.sql(_body(lookup)).columns, asked)
            where, values = _where(asked, connection.sql(_body(lookup)).columns)
            shown = ", ".join(f'"{column.name}"' for column in columns)
            body = f"FROM ({_body(lookup)}) {where}"
            part = f"LIMIT {int(rows)} OFFSET {int(rows) * (max(page, 1) - 1)}" if rows else ""
            total = connection.execute(f"SELECT count(*) {body}", values).fetchall()[0][0]
            asked_rows = f"SELECT {shown} {body} ORDER BY {lookup.order} {part}"
            frame = connection.sql(asked_rows, params=values or None).pl()
            edition_id = connection.execute("SELECT edition_id FROM out.edition").fetchall()[0][0]
        return Found(frame, total, edition_id, columns)

    def _columns(self, lookup: Lookup, held: Sequence[str], asked: Asked) -> tuple[Column, ...]:
        """The columns that are shown, those of the file that contracts describe."""
        names = [name for name in held if name not in NOT_SHOWN and name in self.contracts.columns]
        first = [name for name in lookup.first if name in names]
        rest = [name for name in names if name not in first] if asked.has_all_columns or not first else []
        return tuple(self.contracts.columns[name] for name in (*first, *rest))


def titled(title: str) -> Lookup:
    """The look-up with this title; raises ``NotFoundError`` where there is none."""
    found = next((lookup for lookup in LOOKUPS if lookup.title == title), None)
    if found is None:
        raise NotFoundError(f"no look-up is called {title}")
    return found


def _body(lookup: Lookup) -> str:
    return read_sql(lookup.query).strip() if lookup.query else f"FROM {lookup.table}"


def _where(asked: Asked, held: Sequence[str]) -> tuple[str, dict[str, Any]]:
    parts, values = [], {}
    for name, value in asked.chosen.items():
        if value is not None and name in FILTERS and name in held:
            parts.append(f'"{name}" = ${name}')
            values[name] = value
    searched = [name for name in SEARCHED if name in held]
    if asked.search.strip() and searched:
        values["search"] = asked.search.strip()
        parts.append("(" + " OR ".join(f'contains(lower("{name}"), lower($search))' for name in searched) + ")")
    return (f"WHERE {' AND '.join(parts)}" if parts else ""), values


def heading(column: Column) -> str:
    """The label with its unit as it is shown: money in yuan or dollars."""
    unit = {"fen": "元", "usd_cent": "美元"}.get(column.type, column.unit)
    return f"{column.label}（{unit}）" if unit else column.label


def meaning(column: Column) -> str:
    """What the column means, in Chinese: its meaning, else its label, and the values it may have."""
    codes = f"；可取：{'、'.join(column.codes)}" if column.codes else ""
    return (star.load().meaning_of(column) or column.label) + codes


def text(value: Any, column: Column) -> str:
    """A value as it is shown; unknown is a dash."""
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return formats.instant(value)
    if isinstance(value, date):
        return formats.month(value) if column.type == "month" else value.isoformat()
    if column.type in {"fen", "usd_cent"}:
        return f"{value / 100:,.2f}".removesuffix(".00")
    if column.name.endswith("_ratio") or column.name in {"probability", "cluster_probability"}:
        return formats.percent(value)
    if isinstance(value, int):
        return formats.count(value)
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
