"""The edition as tables: each listed, changed and kept-out enterprise as the contracts of ``edition.*`` name it.

Shapes only; nothing is decided here. No text column that an officer reads is left empty; numbers that are unknown are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from pipelines.run import Run
from pipelines.stages.edition import words
from pipelines.stages.edition.answers import Heard
from pipelines.stages.edition.cases import Kept, Listing, Row, weight
from pipelines.stages.edition.contributions import Explained
from pipelines.stages.edition.document import Followed, Inputs, VerifiedFalse
from pipelines.stages.edition.parameter_words import value_words
from pipelines.warehouse import Warehouse

COPIED = (
    "enterprise_no",
    "enterprise_id",
    "enterprise_name",
    "county_code",
    "county_name",
    "street_name",
    "industry_division",
    "industry_name",
    "size_class",
    "is_us_exporter",
    "export_us_share_12m_ratio",
    "insured_persons",
    "insured_change_1m_persons",
    "insured_change_1m_ratio",
    "insured_change_3m_ratio",
    "insured_change_lunar_ratio",
    "net_loss_persons",
    "points",
    "probability",
    "expected_loss_persons",
    "rank_city",
    "completeness_text",
)


@dataclass(frozen=True)
class Reasons:
    """Reasons of the listed enterprises, by enterprise number, in order of rank.

    While a model leads, ``explained`` says what each theme adds to its log-odds: the themes that add most speak first,
    by the reason that fires in them, else by their strongest figure.
    """

    by_enterprise: Mapping[int, list[dict[str, Any]]]
    shown: int
    explained: Mapping[int, Explained] = field(default_factory=dict)

    def main(self, enterprise_no: int, *, otherwise: str) -> str:
        """At most ``shown`` sentences of different dimensions, the heaviest first."""
        fired: dict[str, str] = {}
        for reason in self.by_enterprise.get(enterprise_no, []):
            if not reason["is_mitigating"]:
                fired.setdefault(reason["dimension"], reason["reason_sentence"].rstrip("。；"))
        told = self.explained.get(enterprise_no)
        if told is not None:
            spoken = {**told.raising, **fired}
            order = sorted(spoken, key=lambda theme: (-round(told.themes.get(theme, 0.0), 6), theme))
            fired = {theme: spoken[theme] for theme in order}
        return "；".join(list(fired.values())[: self.shown]) or otherwise

    def mitigating(self, enterprise_no: int) -> str:
        """What speaks against, or that nothing was found."""
        found = [
            reason["reason_sentence"].rstrip("。；")
            for reason in self.by_enterprise.get(enterprise_no, [])
            if reason["is_mitigating"]
        ]
        told = self.explained.get(enterprise_no)
        if not found and told is not None and told.lowering:
            found = [told.lowering]
        return "；".join(found) or "未发现缓释因素"


def read_reasons(
    warehouse: Warehouse, listed: Iterable[Listing], *, shown: int, explained: Mapping[int, Explained]
) -> Reasons:
    """Reasons of ``listed`` from ``risk.reason``."""
    numbers = [case.row["enterprise_no"] for case in listed]
    found: dict[int, list[dict[str, Any]]] = {}
    if numbers:
        frame = warehouse.frame(
            "SELECT * FROM risk.reason WHERE enterprise_no IN (SELECT unnest($numbers::BIGINT[])) "
            "ORDER BY enterprise_no, reason_rank, reason_code",
            numbers=numbers,
        )
        for row in frame.iter_rows(named=True):
            found.setdefault(row["enterprise_no"], []).append(row)
    return Reasons(by_enterprise=found, shown=shown, explained=explained)


def warning(
    case: Listing, *, run: Run, reasons: Reasons, limits: Mapping[str, int], edition_id: str, state: str
) -> dict[str, Any]:
    """One row of ``edition.warning``."""
    row, release = case.row, int(run.parameters["release_clean_months"])
    trigger = words.standing_text(case, limits)
    months = run.parameters
    return {name: row[name] for name in COPIED} | {
        "edition_id": edition_id,
        "warning_no": case.warning_no,
        "colour": case.colour,
        "previous_colour": case.before.colour if case.before else None,
        "change_kind": case.kind,
        "trigger_code": row["trigger_code"] or (case.before.trigger_code if case.before else ""),
        "trigger_text": trigger,
        "reasons_text": reasons.main(row["enterprise_no"], otherwise=trigger),
        "mitigation_text": reasons.mitigating(row["enterprise_no"]),
        "is_capacity_limited": case.is_capacity_limited,
        "months_listed": months_listed(case),
        "clean_months": case.clean_months,
        "listed_since": case.listed_since,
        "action_text": months["response_actions"][case.colour],
        "responsible_text": months["response_responsible"][case.colour].format(county=row["county_name"]),
        "deadline_text": words.deadline_text(case.colour, run.parameters, case.raised_on),
        "case_state": state,
        "remark_text": words.remark_text(case, release),
    }


def months_listed(case: Listing) -> int:
    """Insurance months on the list in this spell, as far as they were judged or passed over."""
    judged = sorted(month for month in case.months if month)
    if case.listed_month is None or not judged:
        return 1
    last = judged[-1]
    years, months = int(last[:4]) - case.listed_month.year, int(last[5:7]) - case.listed_month.month
    return max(1, years * 12 + months + 1)


def reason_rows(listed: Iterable[Listing], reasons: Reasons, *, edition_id: str) -> list[dict[str, Any]]:
    """Rows of ``edition.warning_reason``."""
    return [
        {**reason, "edition_id": edition_id, "warning_no": case.warning_no}
        for case in listed
        for reason in reasons.by_enterprise.get(case.row["enterprise_no"], [])
    ]


def filtered(
    kept: Kept, *, run: Run, limits: Mapping[str, int], edition_id: str, verified: VerifiedFalse | None
) -> dict[str, Any]:
    """One row of ``edition.filtered``."""
    row = kept.row
    names = ("enterprise_no", "enterprise_id", "enterprise_name", "county_code", "county_name", "industry_name")
    return {name: row[name] for name in (*names, "insured_persons", "points")} | {
        "edition_id": edition_id,
        "colour": row["trigger_colour"],
        "trigger_text": words.trigger_text(row, limits),
        "filter_code": kept.code,
        "filter_text": words.filter_text(
            kept.code, capacity=run.settings.capacity(row["county_code"]), verified=verified
        ),
    }


def followed(case: Listing, *, limits: Mapping[str, int]) -> Followed:
    """What the next edition must remember of a listed enterprise."""
    earlier = case.before
    return Followed(
        **_who(case.row),
        colour=case.colour,
        trigger_colour=case.row["trigger_colour"],
        trigger_code=case.row["trigger_code"] or (earlier.trigger_code if earlier else ""),
        trigger_text=words.standing_text(case, limits),
        inputs=_inputs(case.row),
        warning_no=case.warning_no,
        raised_on=case.raised_on,
        listed_since=case.listed_since,
        listed_month=case.listed_month,
        is_capacity_limited=case.is_capacity_limited,
        months=case.months,
    )


def kept_out(kept: Kept, *, limits: Mapping[str, int]) -> Followed:
    """What the next edition must remember of an enterprise that a filter kept off the list."""
    row = kept.row
    return Followed(
        **_who(row),
        colour=row["trigger_colour"],
        trigger_colour=row["trigger_colour"],
        trigger_code=row["trigger_code"],
        trigger_text=words.trigger_text(row, limits),
        inputs=_inputs(row),
        filter_code=kept.code,
    )


def _who(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("enterprise_id", "enterprise_name", "county_code", "county_name")}


def _inputs(row: Row) -> Inputs:
    return Inputs(
        insured_persons=row["insured_persons"],
        previous_insured_persons=row["previous_insured_persons"],
        net_loss_persons=row["net_loss_persons"],
        points=row["points"],
        staff_persons=row["staff_persons"],
        stake=weight(row),
    )


def parameter_rows(run: Run, *, edition_id: str) -> list[dict[str, Any]]:
    """Rows of ``edition.parameter``: every parameter in force, with its source and standing."""
    rows = []
    for name, value in run.parameters.in_force().items():
        known = run.parameters.known[name]
        rows.append(
            {
                "edition_id": edition_id,
                "parameter_name": name,
                "parameter_label": known.label,
                "parameter_value": value_words(value, run.contracts),
                "parameter_unit": known.unit,
                "parameter_reference": known.reference,
                "parameter_standing": known.standing,
            }
        )
    return rows


def county_names(run: Run, heard: Iterable[Heard]) -> dict[str, str]:
    """Code → name of every county in which someone was visited."""
    return {
        code: run.settings.county_name("" if code == "000000" else code)
        for code in {one.visit.county_code for one in heard}
    }


def county_rows(run: Run, warehouse: Warehouse) -> list[dict[str, Any]]:
    """Rows of ``edition.county``: the settings' counties, those the data name, and the unknown one."""
    seen = warehouse.rows("SELECT DISTINCT county_code FROM core.enterprise WHERE county_code IS NOT NULL")
    codes = sorted({*run.settings.counties, *(code for (code,) in seen)} | {"000000"})
    return [
        {
            "county_code": code,
            "county_name": run.settings.county_name("" if code == "000000" else code),
            "visit_capacity": run.settings.capacity(code),
            "within_county_code": run.settings.within(code),
        }
        for code in codes
    ]


def store(warehouse: Warehouse, table: str, rows: list[dict[str, Any]]) -> int:
    """Replace ``table`` by ``rows``; gives their number."""
    schema = warehouse.contracts.polars_schema(table)
    return warehouse.store(table, pl.DataFrame(rows, schema=schema, orient="row"))
