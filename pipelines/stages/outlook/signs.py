"""Early signs that gather in one county and industry: the index of each night, from ``models.area_index``.

What the index compares with, an area's own past months, lies in ``signs.json`` beside the edition's document.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from models import area_index
from models.area_index import Area, Index, Shift
from pipelines.contracts import read_sql
from pipelines.parameters import Parameters
from pipelines.run import add_months, atomic_file
from pipelines.warehouse import Warehouse

FILE = "signs.json"
KEY = ("county_code", "industry_division")
LEADING = 3
PLACES = 2


@dataclass(frozen=True)
class Shifts:
    """By insurance month and area (county and division, joined by a bar): the shifts that an edition saw."""

    names: tuple[str, ...] = ()
    months: Mapping[str, Mapping[str, Shift]] = field(default_factory=dict)


@dataclass(frozen=True)
class Sign:
    """The index of one county and industry, the enterprises behind it, and the labels of what adds most to it."""

    index: float
    enterprises: int
    leading: tuple[str, ...]


def read(
    warehouse: Warehouse, parameters: Parameters, before: Shifts, *, month: date
) -> tuple[dict[str, Sign], Shifts]:
    """The signs by area (county and division, joined by a bar), and what to remember of ``month``.

    An area without ``area_sign_least_months`` months of its own to be compared with has none.
    """
    indicators = parameters["area_indicators"]
    names = tuple(one["id"] for one in indicators)
    enterprises = warehouse.frame(
        read_sql("outlook/indicators"), least_persons=int(parameters["area_sign_least_persons"])
    )
    least = int(parameters["area_sign_least_enterprises"])
    now = {name: area for name, area in area_index.areas(enterprises, KEY, names).items() if area.enterprises >= least}
    kept = _kept(before, names, month=month, parameters=parameters)
    ready = add_months(month, -int(parameters["area_sign_lag_months"])).isoformat()
    past = {name: [areas[name] for when, areas in kept.items() if when <= ready and name in areas] for name in now}
    found = area_index.index(
        now,
        past,
        weights=[float(one["weight"]) for one in indicators],
        shrunk_by=float(parameters["area_sign_shrunk_months"]),
        least_months=int(parameters["area_sign_least_months"]),
    )
    labels = [one["name"] for one in indicators]
    signs = {
        name: Sign(round(index.value, PLACES), now[name].enterprises, _leading(index, labels))
        for name, index in found.items()
    }
    told = {name: _rounded(area) for name, area in now.items()}
    return signs, Shifts(names, {**kept, month.isoformat(): told})


def _kept(before: Shifts, names: Sequence[str], *, month: date, parameters: Parameters) -> dict[str, dict[str, Shift]]:
    """The months before ``month`` that are still needed, their shifts in the order of ``names``; None for a new one."""
    reach = int(parameters["area_sign_lag_months"]) + int(parameters["area_sign_history_months"])
    oldest, here = add_months(month, -reach).isoformat(), month.isoformat()
    place = {name: number for number, name in enumerate(before.names)}
    return {
        when: {
            area: tuple(shift[place[name]] if name in place else None for name in names)
            for area, shift in areas.items()
        }
        for when, areas in sorted(before.months.items())
        if oldest < when < here
    }


def _leading(index: Index, labels: Sequence[str]) -> tuple[str, ...]:
    """What adds most to the index, each label once."""
    ranked = sorted(
        ((part, label) for part, label in zip(index.parts, labels, strict=True) if part is not None and part > 0),
        key=lambda pair: (-pair[0], pair[1]),
    )
    return tuple(dict.fromkeys(label for _, label in ranked))[:LEADING]


def _rounded(area: Area) -> Shift:
    return tuple(None if value is None else round(value, PLACES) for value in area.shift)


def recall(folder: Path | None) -> Shifts:
    """What the edition of ``folder`` left; nothing where there is none, or where it had no signs yet."""
    if folder is None or not (folder / FILE).is_file():
        return Shifts()
    body = json.loads((folder / FILE).read_text(encoding="utf-8"))
    months = {month: {area: tuple(shift) for area, shift in areas.items()} for month, areas in body["months"].items()}
    return Shifts(tuple(body["names"]), months)


def write(folder: Path, shifts: Shifts) -> None:
    """Write ``shifts`` into ``folder``, whole or not at all."""
    body = {"names": shifts.names, "months": shifts.months}
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    with atomic_file(folder / FILE) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
