"""What the pages of an edition are made of, read from the warehouse once, in fixed order.

The tables are read as they stand; nothing here computes a colour, a score or a rank.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipelines import formats
from pipelines.run import Run
from pipelines.warehouse import Warehouse

Row = dict[str, Any]
ANSWERS = (
    "SELECT w.warning_no, w.colour, w.enterprise_name, w.county_code, w.county_name, i.instrument_name, "
    "i.deadline_text, i.by_hand_text, i.departments_text, a.* FROM edition.policy_answer AS a "
    "JOIN edition.warning AS w USING (enterprise_no) JOIN edition.policy_instrument AS i USING (instrument_id) "
    "ORDER BY w.warning_no, i.clause_no, a.instrument_id"
)
"""Listed enterprise × instrument in force."""
FAIR_ORDER = ("fair_by NULLS LAST", "coalesce(left_persons, 0) + coalesce(coming_persons, 0) DESC")


@dataclass(frozen=True)
class Content:
    """All rows of one edition that a reader may see, each table in its order of reading."""

    edition: Row
    warnings: tuple[Row, ...]
    reasons: tuple[Row, ...]
    changes: tuple[Row, ...]
    filtered: tuple[Row, ...]
    cells: tuple[Row, ...]
    sources: tuple[Row, ...]
    months: tuple[Row, ...]
    results: tuple[Row, ...]
    verdict: Row
    quarantine: tuple[Row, ...]
    refusals: tuple[Row, ...]
    corrections: tuple[Row, ...]
    departments: tuple[Row, ...]
    reviewed: tuple[Row, ...]
    instruments: tuple[Row, ...]
    answers: tuple[Row, ...]
    visits: tuple[Row, ...]
    orders: tuple[Row, ...]
    responses: tuple[Row, ...]
    areas: tuple[Row, ...]
    area_orders: tuple[Row, ...]
    targets: tuple[Row, ...]
    absorption: tuple[Row, ...]
    reserve: tuple[Row, ...]
    caseload: tuple[Row, ...]
    fairs: tuple[Row, ...]
    parameters: tuple[Row, ...]
    model: Row
    drift: tuple[Row, ...]
    city: str
    bureau: str

    @property
    def title(self) -> str:
        """``2026-11-12 第1版``."""
        return formats.edition(self.edition["as_of"], self.edition["revision"])

    @property
    def marks(self) -> str:
        """What every sheet and page must carry."""
        mark = f"【{formats.SIMULATED}】" if self.edition["is_simulated"] else ""
        return f"{mark}{formats.CONFIDENTIAL}"

    @property
    def dateline(self) -> str:
        """Which edition a sheet is of, and how far its data reach."""
        return (
            f"{self.marks}　期次 {self.title}　数据截止 {formats.instant(self.edition['cutoff'])}　"
            f"参保数据所属月份 {formats.month(self.edition['reference_month'])}"
        )

    @property
    def is_first(self) -> bool:
        """Whether there is no earlier edition to compare with."""
        return self.edition["previous_edition_id"] is None

    @property
    def comparison(self) -> str:
        """Which edition the changes are measured against, or why against none."""
        if self.is_first:
            return "首期，无上期可比"
        if not self.edition["is_comparable"]:
            return f"与上期（{self._previous}）间隔过长，不作比较"
        return f"对比期次 {self._previous}"

    @property
    def _previous(self) -> str:
        """The previous edition as ``title`` names this one."""
        day, _, revision = self.edition["previous_edition_id"].rpartition("-r")
        return f"{day} 第{revision}版"

    @property
    def customs_missing(self) -> bool:
        """Whether no customs data are known at the cutoff."""
        return any(s["feed"] == "customs_export" and s["source_state"] == "缺失" for s in self.sources)


def read(run: Run, warehouse: Warehouse) -> Content:
    """Every table that the report shows, as known at the cutoff of ``run``."""
    return Content(
        edition=_rows(warehouse, "edition.edition", ())[0],
        warnings=tuple(sorted(_rows(warehouse, "edition.warning", ("enterprise_id",)), key=_urgency)),
        reasons=_rows(warehouse, "edition.warning_reason", ("warning_no", "reason_rank", "reason_code")),
        changes=tuple(sorted(_rows(warehouse, "edition.warning_change", ("enterprise_id",)), key=_change_order)),
        filtered=tuple(sorted(_rows(warehouse, "edition.filtered", ("enterprise_id",)), key=_filtered_order)),
        cells=_rows(warehouse, "edition.county_industry_month", ("month", "county_code", "industry_division")),
        sources=_rows(warehouse, "core.source_status", ("is_required DESC", "feed")),
        months=_rows(warehouse, "core.month_status", ("month",)),
        results=tuple(sorted(_rows(warehouse, "gate.result", ("subject", "check_id")), key=_result_order)),
        verdict=_rows(warehouse, "gate.verdict", ())[0],
        quarantine=_rows(warehouse, "ingest.quarantine", ("owner", "feed", "delivery_no", "line_no", "check_id")),
        refusals=_rows(warehouse, "ingest.refusal", ("feed", "received_at", "file_name")),
        corrections=_rows(warehouse, "ingest.correction", ("correction_id",)),
        departments=_rows(warehouse, "gate.department_quality", ("owner", "quality_month DESC")),
        reviewed=_rows(warehouse, "gate.feed_quality", ("owner", "feed", "quality_month DESC")),
        instruments=_rows(warehouse, "edition.policy_instrument", ("clause_no", "instrument_id")),
        answers=tuple(warehouse.frame(ANSWERS).to_dicts()),
        visits=_rows(warehouse, "edition.visit_answer", ("visited_on DESC", "visit_no")),
        orders=_rows(warehouse, "edition.work_order", ("order_no",)),
        responses=_rows(warehouse, "edition.county_response", ("late_order_count DESC", "county_code")),
        areas=_rows(warehouse, "outlook.area", ("area_kind", "county_code", "industry_division")),
        area_orders=_rows(warehouse, "outlook.area_order", ("order_no",)),
        targets=_rows(warehouse, "outlook.target", ("clause_no", "target_key", "period_from DESC")),
        absorption=_rows(warehouse, "outlook.absorption", ("area_kind", "county_code", "industry_division")),
        reserve=_rows(warehouse, "outlook.policy_reserve", ("clause_no", "instrument_id", "county_code NULLS FIRST")),
        caseload=_rows(warehouse, "outlook.caseload", ("caseload_kind", "caseload_group", "county_code NULLS FIRST")),
        fairs=_rows(warehouse, "outlook.fair", (*FAIR_ORDER, "area_kind", "county_code", "industry_division")),
        parameters=_rows(warehouse, "edition.parameter", ("parameter_name",)),
        model=_rows(warehouse, "risk.model", ())[0],
        drift=_rows(warehouse, "risk.drift", ("stability_index DESC", "feature_name")),
        city=run.settings.city.name,
        bureau=run.settings.city.bureau,
    )


def colour_counts(rows: Iterable[Row]) -> dict[str, int]:
    """Listed enterprises by colour, every colour named."""
    totals = dict.fromkeys(formats.COLOURS, 0)
    for row in rows:
        totals[row["colour"]] += 1
    return totals


def is_new(row: Row) -> bool:
    """Whether a case entered or rose, so that someone must act on it."""
    return row["change_kind"] in ("新增", "升级", "首期")


def _rows(warehouse: Warehouse, table: str, order: tuple[str, ...]) -> tuple[Row, ...]:
    columns = ", ".join(f'"{name}"' for name in warehouse.contracts.tables[table].columns)
    ordered = f" ORDER BY {', '.join(order)}" if order else ""
    return tuple(warehouse.frame(f"SELECT {columns} FROM {table}{ordered}").to_dicts())


def _urgency(row: Row) -> tuple[Any, ...]:
    rank = row["rank_city"]
    persons = row["net_loss_persons"] or 0
    return (formats.COLOURS.index(row["colour"]), -persons, rank is None, rank or 0, row["enterprise_id"])


def _change_order(row: Row) -> tuple[Any, ...]:
    kinds = ("升级", "新增", "首期", "降级", "解除", "持续")
    tint = row["colour"] or row["previous_colour"]
    place = formats.COLOURS.index(tint) if tint else len(formats.COLOURS)
    return (kinds.index(row["change_kind"]), place, row["county_name"] or "", row["enterprise_id"])


def _filtered_order(row: Row) -> tuple[Any, ...]:
    place = formats.COLOURS.index(row["colour"]) if row["colour"] else len(formats.COLOURS)
    return (place, -(row["insured_persons"] or 0), row["enterprise_id"])


def _result_order(row: Row) -> tuple[Any, ...]:
    return (bool(row["passed"]), row["severity"], row["subject"], row["check_id"])
