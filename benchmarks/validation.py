"""Make `docs/validation.md` and its charts from the two public rolls: a later year, a shock, a city with a past.

python -m benchmarks.validation [--out docs/validation.md] [--only NAME]
"""

import argparse
import logging
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from time import perf_counter

import polars as pl

from benchmarks.score_panel import ROLLS, ROOT, canonical_roll
from pipelines.cli_panels import write_report
from pipelines.panel_scoring import Request, origins_of
from pipelines.panel_validation import Question, validate_panel

LAST_KNOWN = date(2023, 8, 1)
"""A bureau that scores August 2023 knows outcomes up to August: those of the data months up to May."""

NOTES = (
    "**读数须知**：学习方式中的混合权重、特征取舍和对往年同期的信任程度，选定时看过这两份名册被评分月份的结果"
    "（约40种做法），因此成绩偏好，偏好多少不知道；只有三种学习方式之间的选择是在学习面板内部作出的。"
    "另一座城市、另一份名册才是真正的检验。",
    "**Read with care**: weights of the blend, features and how far a single year's seasons are trusted were chosen by "
    "looking at the outcomes of the months scored here (some forty variants), so the figures are too good by an "
    "unknown amount; only the choice between three learners is made inside the training panels. Another city's roll is "
    "the proof.",
)


def questions(roll_2020: pl.DataFrame, roll_2023: pl.DataFrame) -> Iterator[Question]:
    """What is asked of the rolls."""
    year, own = origins_of(["2023-04..2023-09"]), roll_2023.filter(pl.col("month") <= LAST_KNOWN)
    yield Question((roll_2020,), roll_2023, Request("loss20", year, 10), "year_ahead", "隔年预测")
    yield Question(
        (roll_2020,), roll_2023, Request("statutory", year, 20), "year_ahead_statutory", "隔年预测（法定报告线）", False
    )
    onset = Request("loss20", origins_of(["2020-03"]), 10)
    yield Question((roll_2023,), roll_2020, onset, "onset_of_a_shock", "冲击开始时", False)
    history = Request("loss20", origins_of(["2023-08..2023-09"]), 10)
    yield Question((roll_2020, own), roll_2023, history, "bureau_with_history", "有本地历史的城市", False)


def main() -> None:
    """Ask every question and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "validation.md")
    parser.add_argument("--only", action="append", help="names of questions")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    rolls = [ROLLS / f"lt_{year}.parquet" for year in (2020, 2023)]
    absent = [path.name for path in rolls if not path.is_file()]
    if absent:
        parser.error(f"no such roll: {', '.join(absent)}; they belong in ../shared/data/sodra beside the project")
    sections = []
    for question in questions(*map(canonical_roll, rolls)):
        if arguments.only and question.name not in arguments.only:
            continue
        started = perf_counter()
        sections.append(validate_panel(question, say=logging.info))
        print(f"{question.name}: {perf_counter() - started:.0f} s")
    print(f"{arguments.out}: {write_report(sections, arguments.out, notes=NOTES)} charts")


if __name__ == "__main__":
    main()
