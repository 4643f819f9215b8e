"""How much of what was planted in a generated city is found: a model taught on early months, judged on later ones.

The truth is read here and by no stage. Two yardsticks stand side by side: the reductions that were planted, which the
system should foresee, and the losses that the insurance rolls show, which it was taught by. This says how the method
works on a city whose rules we wrote ourselves; real rolls are another page.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from models import baselines, splits, train, validate
from models.backtest import BANDS, MODEL
from models.errors import NothingToLearnError
from models.estimators import Bools, Floats
from models.validate import Counts
from pipelines import formats, learning, lessons, planted_transfers
from pipelines.errors import ModelLifeError, NotFoundError
from pipelines.lessons import Lesson
from pipelines.nightly import Means
from pipelines.panel_scoring import settings_of
from pipelines.planted_transfers import Recognition
from pipelines.run import add_months, months_between

LOOK_BACK_MONTHS = 6
NAMES: Mapping[str, str] = {MODEL: "学习模型", **learning.BASELINE_WORDS}
CAUSES: Mapping[str, str] = {"warned": "有先兆", "sudden": "突发"}


@dataclass(frozen=True)
class Judged:
    """Later months scored by a model that never saw them, with the planted reductions beside.

    ``rows`` has one row per enterprise and origin: probability, the observed event and ``planted`` persons; ``events``
    one row per planted reduction after the first origin; ``moves`` is about all nights.
    """

    rows: pl.DataFrame
    events: pl.DataFrame
    taught: Sequence[date]
    horizon: int
    list_size: int
    observed: str
    moves: Recognition

    @property
    def rankings(self) -> dict[str, Floats]:
        """The model and every baseline, the higher the more at risk."""
        return {MODEL: self.rows["probability"].to_numpy()} | baselines.scores(self.rows)


def judge(means: Means, *, city: Path, as_of: date, until: date) -> Judged:
    """Teach by what had matured by the month ``until``, score every later origin up to ``as_of``.

    Raises ``NotFoundError`` where ``city`` holds no truth, ``ModelLifeError`` where there is nothing to teach by or
    to judge by.
    """
    path = city / "truth" / "events.parquet"
    if not path.is_file():
        raise NotFoundError(f"{city} is no generated city: {path} is missing")
    lesson = lessons.lesson(means, as_of=as_of)
    task, known = lesson.task, sorted(lesson.panel["origin"].unique().to_list())
    early = splits.matured(known, by=until, horizon=task.horizon)
    late = [origin for origin in known if origin > until]
    if not early or not late:
        raise ModelLifeError(f"of the origins {known[0]} to {known[-1]} none lies on one side of {until}")
    model = _taught(lesson, early, say=means.progress)
    asked = lesson.panel.filter(pl.col("origin").is_in(late) & (pl.col("insured_persons") >= task.minimum_insured))
    truth = pl.read_parquet(path)
    events = _events(truth, first=late[0], last=add_months(late[-1], task.horizon))
    rows = pl.concat([asked, model.score(asked)], how="horizontal")
    return Judged(
        rows=rows.with_columns(pl.Series("planted", _planted(rows, events, horizon=task.horizon))),
        events=events,
        taught=early,
        horizon=task.horizon,
        list_size=int(lesson.parameters["model_list_size"]),
        observed=f"{task.label}_{task.horizon}m",
        moves=planted_transfers.recognition(
            lesson.seen, pl.read_parquet(path.with_name("transfers.parquet")), truth, parameters=lesson.parameters
        ),
    )


def _taught(lesson: Lesson, early: Sequence[date], *, say: Callable[[str], None]) -> train.Model:
    rows = lesson.panel.filter(pl.col("origin").is_in(list(early)))
    settings = settings_of(lesson.parameters)
    try:
        return train.fit(
            rows, task=lesson.task, design=learning.design_of(lesson.contracts), settings=settings, say=say
        ).model
    except NothingToLearnError as error:
        raise ModelLifeError(f"nothing to learn from before {early[-1]}: {error}") from error


def _events(truth: pl.DataFrame, *, first: date, last: date) -> pl.DataFrame:
    return truth.filter((pl.col("month") > first) & (pl.col("month") <= last)).sort("month", "uscc")


def _planted(rows: pl.DataFrame, events: pl.DataFrame, *, horizon: int) -> Counts:
    """Persons of the planted reductions that begin within the horizon of each row; 0 where none does."""
    cuts: dict[str, list[tuple[date, int]]] = {}
    for event in events.iter_rows(named=True):
        cuts.setdefault(event["uscc"], []).append((event["month"], event["persons"]))
    pairs = rows.select("enterprise_id", "origin").iter_rows()
    return np.array(
        [
            sum(persons for month, persons in cuts.get(code, ()) if 0 < months_between(origin, month) <= horizon)
            for code, origin in pairs
        ],
        dtype=np.int64,
    )


def page(judged: Judged) -> str:
    """The report as Markdown, in Chinese."""
    return "\n".join(_page(judged)) + "\n"


def _page(judged: Judged) -> Iterator[str]:
    origins = sorted(judged.rows["origin"].unique().to_list())
    yield "# 模拟城市：预设减员找回了多少（模拟数据）"
    yield ""
    yield (
        f"用{formats.month(judged.taught[0])}至{formats.month(judged.taught[-1])}的{len(judged.taught)}个参保月份学习，"
        f"在{formats.month(origins[0])}至{formats.month(origins[-1])}的{len(origins)}个月上检验，每月名单"
        f"{judged.list_size}家，预测期{judged.horizon}个月。检验月份从未参与学习。"
    )
    yield ""
    persons = judged.rows["planted"].to_numpy()
    yield from _rankings(judged, "## 一、对预设减员的排序", persons > 0, persons)
    known = judged.rows.filter(pl.col(f"{judged.observed}_known"))
    if known.height:
        part = replace(judged, rows=known)
        event = known[f"{judged.observed}_event"].to_numpy()
        lost = known[f"lost_{judged.horizon}m_persons"].fill_null(0).to_numpy().astype(np.int64)
        yield from _rankings(part, "## 二、对参保记录所见减员的排序", event, lost)
        yield from _reliability(part, event)
    yield from _recall(judged)
    yield from planted_transfers.section(judged.moves)


def _rankings(judged: Judged, title: str, event: Bools, lost: Counts) -> Iterator[str]:
    size = judged.list_size * judged.rows["origin"].n_unique()
    yield title
    yield ""
    yield f"{len(event)}行，其中发生{int(event.sum())}行（{float(event.mean()) if len(event) else 0:.2%}）。"
    yield ""
    yield "| 排序 | 平均精度 | 名单命中率 | 提升倍数 | 岗位召回 |"
    yield "| --- | --- | --- | --- | --- |"
    for name, score in judged.rankings.items():
        found = validate.measures(event, lost, score, capacity=size)
        yield (
            f"| {NAMES.get(name, name)} | {found.average_precision:.3f} | {found.listed.precision:.1%} | "
            f"{found.lift:.1f} | {found.listed.jobs_recall:.1%} |"
        )
    yield ""


def _reliability(judged: Judged, event: Bools) -> Iterator[str]:
    yield "## 三、概率是否可信（按预测概率十等分）"
    yield ""
    yield "| 组 | 行数 | 平均预测概率 | 实际发生率 |"
    yield "| --- | --- | --- | --- |"
    for row in validate.reliability(event, judged.rankings[MODEL]).iter_rows(named=True):
        yield f"| {row['bin'] + 1} | {row['rows']} | {row['probability']:.1%} | {row['observed']:.1%} |"
    yield ""


def _recall(judged: Judged) -> Iterator[str]:
    """Planted reductions that stood on the list before they began, by how long before, and for whom."""
    yield "## 四、预设减员在发生之前是否已列入名单"
    yield ""
    yield f"发生前{LOOK_BACK_MONTHS}个月内任一期进入当月前{judged.list_size}名即为找回；提前量按首次进入计。"
    yield ""
    leads = {name: _lead(judged, score) for name, score in judged.rankings.items()}
    yield "| 范围 | 预设减员 | " + " | ".join(NAMES.get(name, name) for name in leads) + " | 模型提前量中位数（月） |"
    yield "| --- | --- |" + " --- |" * (len(leads) + 1)
    for name, chosen in _parts(judged):
        if chosen.any():
            shares = " | ".join(f"{(lead[chosen] >= 0).mean():.0%}" for lead in leads.values())
            found = leads[MODEL][chosen]
            median = f"{np.median(found[found >= 0]):.0f}" if (found >= 0).any() else "—"
            yield f"| {name} | {int(chosen.sum())} | {shares} | {median} |"
    yield ""


def _lead(judged: Judged, score: Floats) -> Counts:
    """Months between the first listing within the look-back and each planted reduction; −1 where it was not listed."""
    listed: dict[str, list[date]] = {}
    rows = judged.rows.select("enterprise_id", "origin").with_columns(pl.Series("score", score))
    for (origin,), part in rows.group_by("origin", maintain_order=True):
        chosen = validate.top(part["score"].to_numpy(), judged.list_size)
        for code in part["enterprise_id"].filter(pl.Series(chosen)).to_list():
            listed.setdefault(code, []).append(origin)
    found = []
    for event in judged.events.iter_rows(named=True):
        before = [months_between(origin, event["month"]) for origin in listed.get(event["uscc"], ())]
        ahead = [months for months in before if 0 < months <= LOOK_BACK_MONTHS]
        found.append(max(ahead, default=-1))
    return np.array(found, dtype=np.int64)


def _parts(judged: Judged) -> Iterator[tuple[str, Bools]]:
    """Name and mask over the planted reductions: all, by warning, size, county, exporters to the US."""
    events = judged.events
    yield "全部", np.ones(events.height, dtype=np.bool_)
    for kind, name in CAUSES.items():
        yield name, (events["warning"] == kind).to_numpy()
    staff = events["staff_before"].to_numpy()
    for low, high, name in BANDS:
        yield name, (staff >= low) & (staff < high)
    who = judged.rows.unique("enterprise_id", keep="last", maintain_order=True).select(
        "enterprise_id", "county_code", "is_us_exporter"
    )
    joined = events.join(who, left_on="uscc", right_on="enterprise_id", how="left", maintain_order="left")
    yield "涉美出口企业", joined["is_us_exporter"].fill_null(value=False).to_numpy()
    for code in sorted(joined["county_code"].drop_nulls().unique().to_list()):
        yield f"县区{code}", (joined["county_code"] == code).fill_null(value=False).to_numpy()
