"""Which months of each source the origins of a pass look at: from the earliest's first to the latest's last."""

from collections.abc import Iterable, Sequence

from pipelines.stages.features.panel import EXPORT_MONTHS, INSURANCE_MONTHS, Origin
from pipelines.stages.features.sources import FLOWS, MonthlySource
from pipelines.stages.features.transfers import SPAN

Window = tuple[int, int]
"""First and last month, as ordinals."""


def insurance_window(origins: Iterable[Origin]) -> Window:
    """The months of insurance."""
    reached = [origin.insurance for origin in origins]
    return min(reached) - INSURANCE_MONTHS + 1, max(reached)


def export_window(origins: Sequence[Origin]) -> Window:
    """The months of exports; where there are none, as if they reached as far as insurance."""
    reached = [origin.export for origin in origins if origin.export is not None]
    reached = reached or [max(origin.insurance for origin in origins)]
    return min(reached) - EXPORT_MONTHS + 1, max(reached)


def monthly_window(source: MonthlySource, origins: Iterable[Origin]) -> Window | None:
    """The months of ``source``; None where it never came."""
    reached = reaches(source.name, origins)
    return (min(reached) - source.months + 1, max(reached)) if reached else None


def flow_window(origins: Iterable[Origin]) -> Window | None:
    """The months of moves between enterprises; None where they never came."""
    reached = reaches(FLOWS, origins)
    return (min(reached) - SPAN + 1, max(reached)) if reached else None


def reaches(name: str, origins: Iterable[Origin]) -> list[int]:
    """How far the source ``name`` reaches, for each of ``origins`` that it reaches at all."""
    return [origin.reached[name] for origin in origins if name in origin.reached]
