"""Figures as one Markdown page: the stages, what they are measured against, and the promises with what was found."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any

from pipelines import STAGES

Kept = Mapping[str, Mapping[str, Any]]
SMALL = 0.05


@dataclass(frozen=True)
class Promise:
    """One promise of speed: what was promised, what was found (None: not measured), and whether it holds."""

    text: str
    target: str
    found: str | None
    holds: bool | None


def page(figures: Mapping[int, Kept], *, months: int) -> str:
    """The page for all sizes measured; the largest one is the city."""
    size = max(figures)
    city = figures[size]
    lines = [
        f"# City scale: {size:,} enterprises × {months} months",
        "",
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}. Seconds are wall, CPU is "
        "user + system of all threads; medians of the runs named. Each figure is a fresh process; its start-up "
        "(imports, Great Expectations among them where used) is not in the seconds. Peak is of the whole process. "
        "Exponent: "
        f"log-log slope of CPU seconds over {', '.join(f'{n:,}' for n in sorted(figures))} enterprises.",
        "",
        "## The last night, stage by stage",
        "",
        *_stages(figures, "stage", ("receive", *STAGES)),
        "",
        "## Rebuild from landing and ledger",
        "",
        *_stages(figures, "rebuild", STAGES),
        "",
        "## Beside it",
        "",
        *_table(("what", "s", "CPU s", "peak MB", "start-up s", "exponent"), _others(figures)),
        "",
        *_pandas(city),
        "## Promises",
        "",
        *_table(("promise", "target", "found", "holds"), [_promised(p) for p in promises(figures)]),
        "",
    ]
    return "\n".join(lines)


def exponent(figures: Mapping[int, Kept], name: str) -> float | None:
    """Least-squares slope of log CPU seconds on log size; None below three sizes or where nothing is measurable."""
    points = [(log(n), log(kept[name]["cpu_seconds"])) for n, kept in figures.items() if _cpu(kept, name) > SMALL]
    if len(points) < 3:
        return None
    x, y = (sum(values) / len(points) for values in zip(*points, strict=True))
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)


def promises(figures: Mapping[int, Kept]) -> list[Promise]:
    """Every promise of the issue that these figures can speak to."""
    city = figures[max(figures)]
    night, pandas = _seconds(city, "night"), _seconds(city, "pandas_night")
    night_cpu, pandas_cpu = _cpu(city, "night"), _cpu(city, "pandas_night")
    scan, scan_cpu = _seconds(city, "features.scan"), _cpu(city, "features.scan")
    rebuilt = _sum(city, [f"rebuild.{stage}" for stage in STAGES if stage != "gate"])
    peak = max((city[f"rebuild.{s}"]["peak_megabytes"] for s in STAGES if f"rebuild.{s}" in city), default=None)
    slopes = {
        name: slope
        for name in (*(f"rebuild.{stage}" for stage in STAGES), "land_all")
        if (slope := exponent(figures, name)) is not None
    }
    steepest = max(slopes, key=lambda name: slopes[name]) if slopes else None
    return [
        _ratio("night against the pandas baseline, wall", "≥ 30", pandas, night, low=30),
        _ratio("the same in CPU seconds", "-", pandas_cpu, night_cpu),
        _ratio("features of one month over the raw scan", "≤ 5", _stage(city, "features.features"), scan, high=5),
        _ratio("features of 24 origins over the raw scan", "≤ 20", _seconds(city, "features.origins"), scan, high=20),
        _ratio("both in CPU seconds: one month", "-", _stage(city, "features.features", "cpu_seconds"), scan_cpu),
        _ratio("both in CPU seconds: 24 origins", "-", _cpu(city, "features.origins"), scan_cpu),
        _limit("rebuild of all months without checkpoints, s", 120, rebuilt),
        _limit("rebuild, peak MB of any stage", 4096, peak),
        _limit("scoring the city, s", 2, _seconds(city, "learning.scoring")),
        _limit("training the pooled panel, s", 300, _seconds(city, "learning.training")),
        _limit("explaining an edition of 500, s", 5, _seconds(city, "learning.explaining")),
        _limit(f"exponent of cost ({steepest})", 1.05, slopes[steepest] if steepest else None, digits=2),
    ]


def _ratio(
    text: str, target: str, above: float | None, below: float | None, *, low: float = 0, high: float = 1e9
) -> Promise:
    if not above or not below:
        return Promise(text, target, None, None)
    value = above / below
    return Promise(text, target, f"{value:.1f} ({above:.2f} s / {below:.2f} s)", low <= value <= high)


def _limit(text: str, limit: float, value: float | None, *, digits: int = 1) -> Promise:
    if value is None:
        return Promise(text, f"≤ {limit:g}", None, None)
    return Promise(text, f"≤ {limit:g}", f"{value:,.{digits}f}", value <= limit)


def _promised(promise: Promise) -> tuple[str, ...]:
    verdict = {True: "yes", False: "no", None: "not measured"}[promise.holds]
    return promise.text, promise.target, promise.found or "-", verdict


def _stages(figures: Mapping[int, Kept], kind: str, stages: Sequence[str]) -> list[str]:
    city = figures[max(figures)]
    names = [f"{kind}.{stage}" for stage in stages if f"{kind}.{stage}" in city]
    rows = [_row(figures, name, label=name.split(".")[1]) for name in names]
    if rows:
        totals = [sum(city[name][key] for name in names) for key in ("seconds", "cpu_seconds")]
        rows.append(("together", *(f"{total:.2f}" for total in totals), "", "", ""))
    return _table(("stage", "s", "CPU s", "peak MB", "start-up s", "exponent"), rows)


def _others(figures: Mapping[int, Kept]) -> list[tuple[str, ...]]:
    labels = {
        "city": "generate the city",
        "land_all": "land all deliveries but the last month's",
        "first_night": "the night before the last, from nothing",
        "night": "the last night, landing to mail, one process",
        "pandas_night": "the pandas baseline, the same night",
        "features.scan": "raw scan of the columns that features reads",
        "features.features": "features of one month (whole step)",
        "features.origins": "features of 24 origins",
        "learning.panel": "training panel of 24 origins with its outcomes",
        "learning.training": "training on the pooled panel",
        "learning.scoring": "scoring the city",
        "learning.explaining": "explaining an edition of 500",
    }
    city = figures[max(figures)]
    return [_row(figures, name, label=label) for name, label in labels.items() if name in city]


def _row(figures: Mapping[int, Kept], name: str, *, label: str) -> tuple[str, ...]:
    figure, slope = figures[max(figures)][name], exponent(figures, name)
    return (
        label,
        f"{figure['seconds']:.2f}",
        f"{figure['cpu_seconds']:.2f}",
        f"{figure['peak_megabytes']:,}",
        f"{figure['start_seconds']:.1f}",
        "" if slope is None else f"{slope:.2f}",
    )


def _pandas(city: Kept) -> list[str]:
    if "pandas_night" not in city:
        return []
    parts = city["pandas_night"]["detail"]["parts"]
    lines = ["Of the pandas baseline, in seconds: " + ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in parts.items())]
    if "compared" in city:
        equal = city["compared"]["detail"]["equal"]
        whole = [name for name, share in equal.items() if share == 1]
        rest = ", ".join(f"{name} {share:.4f}" for name, share in equal.items() if share < 1)
        lines += [
            "",
            f"Equal for every enterprise: {len(whole)} of {len(equal)} columns compared. "
            f"Share of enterprises with the same value in the others: {rest or 'none'}.",
        ]
    return [*lines, ""]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


def _cpu(kept: Kept, name: str) -> float:
    return float(kept[name]["cpu_seconds"]) if name in kept else 0.0


def _seconds(kept: Kept, name: str) -> float | None:
    return float(kept[name]["seconds"]) if name in kept else None


def _stage(kept: Kept, name: str, key: str = "seconds") -> float | None:
    """Seconds of the stage itself, without opening the night."""
    stages = kept.get(name, {}).get("detail", {}).get("stages", {})
    return next((float(spent[key]) for spent in stages.values()), None)


def _sum(kept: Kept, names: Sequence[str]) -> float | None:
    return sum(float(kept[name]["seconds"]) for name in names) if all(name in kept for name in names) else None
