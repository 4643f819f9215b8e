"""The index of early signs: zero where a place is like others and itself, large where signs gather; what is kept."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models import area_index
from models.area_index import Area, Shift
from pipelines.stages.outlook import signs

NAMES = ("power", "posts")
CELLS, SIZE = 40, 20
EVEN = (1.0, 1.0)


def city(seed: int, *, struck: float = 0.0, told: float = 1.0) -> pl.DataFrame:
    """Enterprises of forty areas; those of the first are worse by ``struck``, and tell the second with ``told``."""
    rng = np.random.default_rng(seed)
    area = np.repeat([f"{number:02d}" for number in range(CELLS)], SIZE)
    power, posts = rng.normal(size=(2, CELLS * SIZE)) + np.where(area == "00", struck, 0.0)
    return pl.DataFrame(
        {
            "area": area,
            "insured_persons": rng.integers(30, 400, CELLS * SIZE),
            "power": power,
            "posts": pl.Series(posts).zip_with(
                pl.Series(rng.random(CELLS * SIZE) < told), pl.Series([None] * CELLS * SIZE, dtype=pl.Float64)
            ),
        }
    )


def indices(frame: pl.DataFrame, past: dict[str, list[Shift]], *, least_months: int = 0) -> dict[str, float]:
    now = area_index.areas(frame, ["area"], NAMES)
    found = area_index.index(now, past, weights=EVEN, shrunk_by=2, least_months=least_months)
    return {name: index.value for name, index in found.items()}


def test_nothing_gathers_where_nothing_happened() -> None:
    values = list(indices(city(1), {}).values())
    assert len(values) == CELLS
    assert np.median(values) == pytest.approx(0)
    assert max(values) < 4


def test_a_place_whose_enterprises_are_all_worse_stands_out() -> None:
    values = indices(city(2, struck=1.5), {})
    assert values["00"] > 4
    assert max(value for name, value in values.items() if name != "00") < 3.5


def test_what_the_whole_city_shows_is_no_sign_of_one_place() -> None:
    frame = city(3)
    worse = frame.with_columns(pl.col("power") + 5, pl.col("posts") + 5)
    assert indices(worse, {}) == pytest.approx(indices(frame, {}))


def test_a_place_is_compared_with_its_own_past() -> None:
    frame = city(2, struck=1.5)
    usual = [area_index.areas(frame, ["area"], NAMES)["00"].shift] * 12
    fresh, known = indices(frame, {})["00"], indices(frame, {"00": usual})["00"]
    assert known < fresh / 2


def test_too_few_past_months_give_no_index() -> None:
    frame = city(4)
    past = {"00": [(0.0, 0.0)] * 3, "01": [(0.0, 0.0)] * 2}
    assert set(indices(frame, past, least_months=3)) == {"00"}


def test_an_indicator_without_a_past_of_its_own_does_not_count() -> None:
    frame = city(2, struck=1.5)
    past = {name: [(0.0, None)] * 3 for name in area_index.areas(frame, ["area"], NAMES)}
    now = area_index.areas(frame, ["area"], NAMES)
    found = area_index.index(now, past, weights=EVEN, shrunk_by=2, least_months=3)
    assert {index.parts[1] for index in found.values()} == {None}


def test_an_indicator_that_too_few_tell_is_left_out_and_not_zero() -> None:
    frame = city(5, told=0.0)
    areas = area_index.areas(frame, ["area"], NAMES)
    assert {area.shift[1] for area in areas.values()} == {None}
    found = area_index.index(areas, {}, weights=EVEN, shrunk_by=2, least_months=0)
    alone = area_index.index(
        {name: Area(area.enterprises, area.told[:1], area.shift[:1]) for name, area in areas.items()},
        {},
        weights=EVEN[:1],
        shrunk_by=2,
        least_months=0,
    )
    assert {name: index.value for name, index in found.items()} == {name: one.value for name, one in alone.items()}


def test_a_place_of_which_nothing_is_told_has_no_index() -> None:
    areas = {"00": Area(12, (0, 0), (None, None)), "01": Area(12, (9, 9), (1.0, 0.5))}
    assert set(area_index.index(areas, {}, weights=EVEN, shrunk_by=2, least_months=0)) == {"01"}
    assert area_index.index({}, {}, weights=EVEN, shrunk_by=2, least_months=0) == {}


def test_parts_add_up_to_the_sum_that_is_scaled() -> None:
    areas = area_index.areas(city(6, struck=1.0, told=0.5), ["area"], NAMES)
    found = area_index.index(areas, {}, weights=(1.0, 0.5), shrunk_by=2, least_months=0)
    sums = np.array([sum(part or 0.0 for part in one.parts) for one in found.values()])
    values = np.array([one.value for one in found.values()])
    assert np.corrcoef(sums, values)[0, 1] == pytest.approx(1)
    assert max(found, key=lambda name: found[name].value) == "00"


def test_shifts_come_back_as_they_were_written(tmp_path: Path) -> None:
    shifts = signs.Shifts(NAMES, {"2026-09-01": {"320706|14": (1.25, None)}})
    signs.write(tmp_path, shifts)
    assert signs.recall(tmp_path) == shifts
    assert signs.recall(None) == signs.recall(tmp_path / "none") == signs.Shifts()


def test_months_are_kept_by_indicator_and_the_month_judged_again_is_not_its_own_past() -> None:
    before = signs.Shifts(
        ("posts", "gone"),
        {f"2026-{month:02d}-01": {"320706|14": (float(month), 9.0)} for month in range(1, 11)},
    )
    given = {"area_sign_lag_months": 3, "area_sign_history_months": 4}
    kept = signs._kept(before, NAMES, month=date(2026, 10, 1), parameters=given)  # type: ignore[arg-type]
    assert list(kept) == [f"2026-{month:02d}-01" for month in range(4, 10)]
    assert kept["2026-04-01"] == {"320706|14": (None, 4.0)}
    again = signs._kept(replace(before, months=kept, names=NAMES), NAMES, month=date(2026, 10, 1), parameters=given)  # type: ignore[arg-type]
    assert again == kept
