"""``wengang stress`` on a generated city: pages, figures and files, with the base of its own past and of a model."""

import csv
import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from pipelines import scenarios, stress_ground, stress_words, stressing
from pipelines.cli_stress import stress_command
from pipelines.errors import UsageError
from pipelines.means import Means
from pipelines.settings import Home

NAMES = ("us_2018_07", "us_2019_05", "us_2025_04", "us_2025_05", "us_2025_11", "us_2026_02")


@pytest.fixture(scope="module")
def asked(issued_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Means]:
    """A home of two nights."""
    home = Home(shutil.copytree(issued_home, tmp_path_factory.mktemp("stress") / "home", symlinks=True))
    yield Means(home=home, now=datetime(2026, 11, 30, 9))


def test_the_command_on_a_generated_city(asked: Means, tmp_path: Path) -> None:
    def call(*options: str) -> str:
        result = CliRunner().invoke(stress_command, list(options), obj=asked, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return str(result.stdout)

    assert all(name in call() for name in NAMES)
    page = call("us_2025_04", "--against", "us_2025_05")
    assert page.startswith("【模拟数据】压力测试") and "对比情景“2025年5月" in page
    out = tmp_path / "figures.csv"
    body = json.loads(call("orders", "--json", "--out", str(out), "--purpose", "研判"))
    assert body["city"]["difference"] > 0 and body["base_from"] == "own_past" and body["fund_months_before"] > 0
    rows = list(csv.DictReader(out.read_text(encoding="utf-8-sig").splitlines()))
    assert float(rows[0]["增减"]) == round(body["city"]["difference"], 1)
    assert all(int(row["企业家数"] or 3) >= 3 for row in rows)
    zero = json.loads(call("zero", "--json"))
    assert zero["city"]["difference"] == 0 and zero["city"]["base"] == body["city"]["base"]
    with pytest.raises(UsageError, match="--purpose"):
        CliRunner().invoke(stress_command, ["zero", "--out", str(out)], obj=asked, catch_exceptions=False)


def led(asked: Means, folder: Path, *changes: str) -> Path:
    """A copy of the published file in which a model leads, after ``changes``."""
    published = Path(shutil.copy(asked.home.published / "current.duckdb", folder / "led.duckdb"))
    published.chmod(0o644)
    with duckdb.connect(str(published)) as connection:
        for change in ("UPDATE out.risk SET probability = 0.25, expected_loss_persons = 1.5", *changes):
            connection.execute(change)
    return published


def test_whom_the_model_does_not_score_is_left_out_of_base_and_shock(asked: Means, tmp_path: Path) -> None:
    small = "(SELECT enterprise_no FROM out.enterprise WHERE insured_persons < 10)"
    unscore = f"UPDATE out.risk SET probability = NULL, expected_loss_persons = NULL WHERE enterprise_no IN {small}"
    held = stress_ground.read(Means(home=Home(tmp_path), now=asked.now), led(asked, tmp_path, unscore))
    assert held.unscored.height > 0 and (held.unscored["insured_persons"] < 10).all()
    assert (held.rows["insured_persons"] >= 10).all() and (held.base.probability == 0.25).all()
    zero = stressing.measure(held, scenarios.find("zero"))
    assert zero.rows["central"].to_numpy().tobytes() == held.base.jobs.tobytes()
    assert f"另有{held.unscored.height:,}家参保企业未知" in stress_words.page(held, zero)


def test_an_untold_base_stays_unknown(asked: Means, tmp_path: Path) -> None:
    untold = "UPDATE out.enterprise_month SET base_fen = NULL"
    held = stress_ground.read(Means(home=Home(tmp_path), now=asked.now), led(asked, tmp_path, untold))
    assert held.rows["base_fen"].null_count() == held.rows.height


def test_a_learned_models_figures_are_the_base(asked: Means, tmp_path: Path) -> None:
    published = led(asked, tmp_path)
    base = stress_ground.read(Means(home=Home(tmp_path), now=asked.now), published)
    assert base.rates is None and base.trade is None and base.held is None
    assert (base.base.probability == 0.25).all()
    small = base.base.persons < 6
    assert base.base.jobs[~small] == pytest.approx(1.5) and (base.base.share[small] == 1).all()
    assert "学习模型" in stress_words.page(base, stressing.measure(base, scenarios.find("zero")))
