"""What each theme adds to the log-odds of a listed enterprise, exactly, and the figure that speaks loudest in each.

The rows of an enterprise add up to its score. Only the list is explained, not the city. Nothing here ranks or lists.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import absence, explain, seasonal
from models.reason_words import month_text, percent, signed_percent, yuan
from models.train import Model
from pipelines import inputs
from pipelines.contracts import Contracts
from pipelines.stages.edition.cases import Listing
from pipelines.warehouse import Warehouse

BASE = "基准"
AUDIBLE = 0.05
"""Log-odds from which on a theme is worth a sentence: a twentieth, five per cent of the odds."""
SPEECHLESS = (BASE, absence.THEME)
"""What no figure speaks for."""
DIGITS = 6
REFERENCE: Mapping[str, str] = {
    "unemployment_claim": "claims_reference_month",
    "customs_export": "export_reference_month",
    "hire_group_month": "hires_reference_month",
    "employment_monitor": "monitor_month",
    "industry_orders": "orders_reference_month",
    "power_month": "power_reference_month",
    "tax_month": "tax_reference_month",
    "vacancy": "vacancies_reference_month",
}
"""Raw table → the feature that says which month of it was read; a figure of others is of the insurance month."""
UNDATED = ("wage_complaint", "arbitration", "credit_event", "policy_benefit", "follow_up")
"""Sources of events: their figures name their own window of days, no month."""
Floats = NDArray[np.float64]
Months = Mapping[str, date | None]


@dataclass(frozen=True)
class Explained:
    """One enterprise: what each theme adds (the base among them), and one sentence per theme from its own figures."""

    themes: Mapping[str, float]
    raising: Mapping[str, str]
    lowering: str = ""


def read(
    model: Model | None, warehouse: Warehouse, listed: Sequence[Listing], *, month: date | None
) -> dict[int, Explained]:
    """Enterprise number → what moved its score; empty while the rule score leads."""
    numbers = [case.row["enterprise_no"] for case in listed if case.row["probability"] is not None]
    if model is None or not numbers or month is None:
        return {}
    frame = inputs.read(warehouse, numbers=numbers)
    values = model.values(frame)
    terms, base = model.contributions(values)
    names, added = explain.by_theme(terms, model.design.names, model.design.themes)
    return {
        number: _explained(
            dict(zip(names, themes.tolist(), strict=True)) | {BASE: base},
            own,
            seen,
            model,
            warehouse.contracts,
            {table: row[column] for table, column in REFERENCE.items()} | {"": month},
        )
        for row, themes, own, seen, number in zip(
            frame.iter_rows(named=True), added, terms, values, frame["enterprise_no"].to_list(), strict=True
        )
    }


def rows(found: Mapping[int, Explained], listed: Sequence[Listing], *, edition_id: str) -> list[dict[str, Any]]:
    """Rows of ``edition.warning_contribution``."""
    return [
        {
            "edition_id": edition_id,
            "warning_no": case.warning_no,
            "enterprise_no": case.row["enterprise_no"],
            "theme": theme,
            "contribution_log_odds": value,
        }
        for case in listed
        if case.row["enterprise_no"] in found
        for theme, value in sorted(found[case.row["enterprise_no"]].themes.items())
    ]


def _explained(
    themes: Mapping[str, float], terms: Floats, values: Floats, model: Model, contracts: Contracts, months: Months
) -> Explained:
    """A sentence for each theme that raises the score, and for the one that lowers it most.

    The feature is the strongest of its theme whose own figure says the same as its contribution: a model may draw
    comfort from a fall, an officer must not be told so.
    """
    names, rounded = model.design.names, np.round(terms, DIGITS)
    raising: dict[str, str] = {}
    for place in np.argsort(-rounded, kind="stable"):
        theme, value = model.design.themes[names[place]], float(values[place])
        if rounded[place] < AUDIBLE or themes[theme] < AUDIBLE or theme in raising:
            continue
        if direction(names[place], value, contracts) > 0:
            raising[theme] = sentence(names[place], value, contracts, months)
    lowest = min((t for t in themes if t not in SPEECHLESS), key=lambda t: (round(themes[t], DIGITS), t), default=None)
    if lowest is None or themes[lowest] > -AUDIBLE:
        return Explained(themes, raising)
    own = [p for p in np.argsort(rounded, kind="stable") if model.design.themes[names[p]] == lowest]
    spoken = [p for p in own if rounded[p] <= -AUDIBLE and direction(names[p], float(values[p]), contracts) < 0]
    lowering = sentence(names[spoken[0]], float(values[spoken[0]]), contracts, months) if spoken else ""
    return Explained(themes, raising, lowering)


def direction(name: str, value: float, contracts: Contracts) -> int:
    """+1 where the figure by itself is a bad sign, −1 where it is a good one, 0 where an officer could not tell.

    Only features whose sign the world dictates speak: a change by its own sign, a count or share of something bad by
    being there or not.
    """
    if np.isnan(value):
        return 0
    if name in seasonal.LABELS:
        return 1 if value > 0 else 0
    sign = contracts.column(name).risk_sign or 0
    if "change" in name:
        return int(np.sign(value * sign))
    if sign <= 0:
        return 0
    return 1 if value > 0 else -1 if value == 0 else 0


def sentence(name: str, value: float, contracts: Contracts, months: Months) -> str:
    """``近三个月用电同比−35.2%（2026年10月，来源：企业月度用电）``: label, number, period and source of a feature."""
    if name in seasonal.LABELS:
        return f"{seasonal.LABELS[name]}{percent(value)}（来源：社保汇总）"
    column = contracts.column(name)
    sources = [contracts.tables[f"raw.{need}"].label for need in column.needs if f"raw.{need}" in contracts.tables]
    told = "、".join(sources) or "本系统"
    month = next((months[need] for need in column.needs if need in REFERENCE), months[""])
    dated = f"{month_text(month)}，" if month and not set(column.needs) & set(UNDATED) else ""
    return f"{column.label}{_number(name, value, column.unit)}（{dated}来源：{told}）"


def _number(name: str, value: float, unit: str | None) -> str:
    if name.endswith("_fen"):
        return yuan(round(value))
    if name.startswith("insured_lag") or name.endswith(("excess_ratio", "hhi_ratio")):
        return f"{value:.2f}"
    if name.endswith("_ratio"):
        return signed_percent(value) if "change" in name or "slope" in name else percent(value)
    return f"{round(value)}{unit or ''}"
