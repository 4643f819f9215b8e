"""Jobs lost together: what the past says of the shock, how likely an event is a large one, and what is remembered."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from models.joint_loss import estimate
from pipelines.run import add_months
from pipelines.stages.outlook import memory, together
from pipelines.stages.outlook.levels import Standing, Stood
from pipelines.stages.outlook.memory import Memory
from pipelines.stages.outlook.together import Remembered

FIRST = date(2023, 10, 1)
SECTIONS = ("C", "F", "G", "H")


def season(day: date) -> str:
    return "L+0" if day.month == 2 else f"{day.month:02d}"


def events(spread: float, *, months: int = 40, size: int = 400) -> pl.DataFrame:
    """A past in which 10 % have the event, more or less in a month that is bad or good for all."""
    draw = np.random.default_rng(3)
    rows = []
    for number in range(months):
        shift = draw.normal(0, spread)
        for section in SECTIONS:
            chance = 1 / (1 + np.exp(-(np.log(0.1 / 0.9) + shift)))
            rows.append((add_months(FIRST, number), section, 1, size, int(draw.binomial(size, chance))))
    names = ("month", "section", "size_band", "enterprises", "events")
    return pl.DataFrame(rows, schema=names, orient="row")


def test_what_size_section_and_festival_say_adds_up_to_what_happened() -> None:
    history = together.told_before(events(0.0), season)
    assert set(history.columns) == {"period", "group", "probability", "enterprises", "events"}
    expected = float((history["probability"] * history["enterprises"]).sum())
    assert expected == pytest.approx(float(history["events"].sum()), rel=0.01)


def test_months_that_were_bad_for_all_are_a_shock_and_calm_ones_are_none() -> None:
    calm = estimate(together.told_before(events(0.0), season), overlap=1)
    rough = estimate(together.told_before(events(0.6), season), overlap=1)
    assert calm.is_estimated
    assert rough.is_estimated
    assert calm.city < 0.15
    assert rough.city > 0.4


def test_how_likely_an_event_is_a_large_one() -> None:
    lines = {"persons": 50, "pct": 30, "least": 20}
    staff = np.array([19, 20, 100, 100, 100, 1000, 1000])
    share = np.array([1.0, 1.0, 0.1, 0.3, 0.9, 0.01, 0.5])
    found = together.large_chance(staff, share, **lines)
    assert found[0] == 0, "nobody loses more than the staff"
    assert found[1] == pytest.approx(1.0, abs=0.2)
    assert found[2] < found[3] < found[4]
    assert found[5] < 0.2
    assert found[6] > 0.9
    drawn = np.random.default_rng(0).beta(0.3 * 3, 0.7 * 3, 200_000)
    chance = together.large_chance(np.array([1001]), np.array([0.3007]), persons=301, pct=30, least=20)
    assert chance[0] == pytest.approx(float((drawn >= 0.3).mean()), abs=0.01)


def test_what_is_remembered_comes_back_to_the_bit(tmp_path: Path) -> None:
    shock = Remembered(FIRST, estimate(together.told_before(events(0.3), season), overlap=1))
    since = Stood("Ⅱ级", FIRST, date(2023, 11, 12))
    stood = Standing(since, FIRST, {FIRST.isoformat(): ("Ⅱ级", "大额减员企业3家")}, Stood("无", FIRST, FIRST), (since,))
    held = Memory({"县区|320706|": stood}, shock)
    memory.write(tmp_path, held)
    assert memory.recall(tmp_path) == held
    before = (tmp_path / memory.FILE).read_bytes()
    memory.write(tmp_path, memory.recall(tmp_path))
    assert (tmp_path / memory.FILE).read_bytes() == before
    assert json.loads(before)["shock"]["is_estimated"] is True


def test_an_edition_that_did_not_keep_what_was_said_within_a_month_is_read(tmp_path: Path) -> None:
    stood = Standing(Stood("Ⅱ级", FIRST, FIRST), FIRST, {})
    memory.write(tmp_path, Memory({"县区|320706|": stood}))
    body = json.loads((tmp_path / memory.FILE).read_text(encoding="utf-8"))
    del body["standings"]["县区|320706|"]["said"]
    (tmp_path / memory.FILE).write_text(json.dumps(body), encoding="utf-8")
    assert memory.recall(tmp_path).standings["县区|320706|"] == stood


def test_an_edition_without_an_outlook_left_nothing(tmp_path: Path) -> None:
    assert memory.recall(None) == Memory()
    assert memory.recall(tmp_path) == Memory()
