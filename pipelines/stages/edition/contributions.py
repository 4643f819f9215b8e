"""What each theme adds to the log-odds of a listed enterprise, exactly, and the figure that speaks loudest in each.

The rows of an enterprise add up to its score. Only the list is explained, not the city. Nothing here ranks or lists.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import explain, seasonal
from models.reason_words import month_text, percent, signed_percent, yuan
from models.train import Model
from pipelines.contracts import Contracts, read_sql
from pipelines.stages.edition.cases import Listing
from pipelines.warehouse import Warehouse

BASE = "基准"
AUDIBLE = 0.05
"""Log-odds from which on a theme is worth a sentence: a twentieth, five per cent of the odds."""
DIGITS = 6
Floats = NDArray[np.float64]


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
    frame = warehouse.frame(read_sql("risk/inputs"), numbers=numbers)
    values = model.values(frame)
    terms, base = model.contributions(values)
    names, added = explain.by_theme(terms, model.design.names, model.design.themes)
    return {
        number: _explained(
            dict(zip(names, themes.tolist(), strict=True)) | {BASE: base}, own, seen, model, warehouse.contracts, month
        )
        for number, themes, own, seen in zip(frame["enterprise_no"].to_list(), added, terms, values, strict=True)
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
    themes: Mapping[str, float], terms: Floats, values: Floats, model: Model, contracts: Contracts, month: date
) -> Explained:
    """Sentences of the strongest feature of each theme that raises the score, and of the one that lowers it most."""
    rounded = np.round(terms, DIGITS)
    raising: dict[str, str] = {}
    for place in np.argsort(-rounded, kind="stable"):
        theme = model.design.themes[model.design.names[place]]
        known = not np.isnan(values[place])
        if rounded[place] >= AUDIBLE and known and themes[theme] >= AUDIBLE and theme not in raising:
            raising[theme] = sentence(model.design.names[place], float(values[place]), contracts, month)
    lowest = min((t for t in themes if t != BASE), key=lambda t: (round(themes[t], DIGITS), t), default=None)
    if lowest is None or themes[lowest] > -AUDIBLE:
        return Explained(themes, raising)
    own = [
        place
        for place in np.argsort(rounded, kind="stable")
        if model.design.themes[model.design.names[place]] == lowest and not np.isnan(values[place])
    ]
    told = own and rounded[own[0]] <= -AUDIBLE
    lowering = sentence(model.design.names[own[0]], float(values[own[0]]), contracts, month) if told else ""
    return Explained(themes, raising, lowering)


def sentence(name: str, value: float, contracts: Contracts, month: date) -> str:
    """``近三个月用电同比−35.2%（2026年10月，来源：企业月度用电）``: label, number, period and source of a feature."""
    if name in seasonal.LABELS:
        return f"{seasonal.LABELS[name]}{percent(value)}（来源：社保汇总）"
    column = contracts.column(name)
    sources = [contracts.tables[f"raw.{need}"].label for need in column.needs if f"raw.{need}" in contracts.tables]
    told = "、".join(sources) or "本系统"
    return f"{column.label}{_number(name, value, column.unit)}（{month_text(month)}，来源：{told}）"


def _number(name: str, value: float, unit: str | None) -> str:
    if name.endswith("_fen"):
        return yuan(round(value))
    if name.startswith("insured_lag") or name.endswith(("excess_ratio", "hhi_ratio")):
        return f"{value:.2f}"
    if name.endswith("_ratio"):
        return signed_percent(value) if "change" in name or "slope" in name else percent(value)
    return f"{round(value)}{unit or ''}"
