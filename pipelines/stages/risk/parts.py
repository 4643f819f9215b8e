"""The scores as a task over parts that any process computes: files of features in, files of scores and reasons out.

A part is written whole or not at all, in a folder named by all that its rows rest on; what is there stays.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import polars as pl

from models import drift
from models.registry import Artefact
from models.rule_score import RuleSet
from pipelines import inputs
from pipelines.facts import ROWS_PER_GROUP, Facts, opened, spread
from pipelines.run import Run, atomic_file, code_digest, make_folder
from pipelines.stages.risk.scored import score_all
from pipelines.warehouse import Warehouse
from pipelines.work import Engine

SOURCES = ("features.enterprise", "core.enterprise")
SCORE, REASON, COUNTS = "score.parquet", "reason.parquet", "counts.json"
Range = tuple[int, int]
"""First and last enterprise number."""


@dataclass(frozen=True)
class Score:
    """Score a part and write it to ``folder``; gives how many reasons fire."""

    facts: Facts
    rules: RuleSet
    model: Artefact | None
    folder: Path

    def __call__(self, part: Range) -> int:
        """The counts are written last: with them the part is whole."""
        place = self.folder / f"{part[0]:012d}"
        if not (place / COUNTS).is_file():
            features = inputs.read(opened(self.facts.of(*part)), within=part)
            scored = score_all(features, self.rules, self.model)
            for name, frame in ((SCORE, scored.score), (REASON, scored.reasons)):
                with atomic_file(place / name) as temporary:
                    frame.write_parquet(temporary, compression="lz4", row_group_size=ROWS_PER_GROUP)
            with atomic_file(place / COUNTS) as temporary:
                temporary.write_text(json.dumps(scored.counts), encoding="utf-8")
        return int(pl.scan_parquet(place / REASON).select(pl.len()).collect().item())


def compute(
    run: Run, warehouse: Warehouse, rules: RuleSet, model: Artefact | None, engine: Engine
) -> tuple[pl.DataFrame, int, drift.Counts]:
    """Scores without ranks, how many reasons fire, and the counts of the model's inputs; makes ``risk.reason``."""
    facts = spread(run, warehouse, SOURCES, name="risk")
    size, last = engine.part_size, warehouse.count("core.enterprise") - 1
    ranges = [(first, min(first + size - 1, last)) for first in range(0, last + 1, size)]
    root = run.home.core / "risk"
    folder = root / _name(run, facts, model, size)
    make_folder(folder)
    fired = 0
    for done, rows in enumerate(engine.each(Score(facts, rules, model, folder), ranges), start=1):
        fired += rows
        run.progress(f"风险评分：{done}/{len(ranges)} 部分")
    places = [folder / f"{first:012d}" for first, _ in ranges]
    warehouse.view_over_files("risk.reason", [place / REASON for place in places])
    for other in root.iterdir():
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    frames = [pl.read_parquet(place / SCORE) for place in places]
    empty = score_all(inputs.read(warehouse, within=(0, -1)), rules, model)
    return pl.concat([empty.score, *frames], how="vertical_relaxed"), fired, _together(places)


def _together(places: Sequence[Path]) -> drift.Counts:
    counts: list[drift.Counts] = [json.loads((place / COUNTS).read_text(encoding="utf-8")) for place in places]
    return reduce(drift.added, counts, {})


def _name(run: Run, facts: Facts, model: Artefact | None, size: int) -> str:
    """Changes when any bit of the rows may."""
    rests_on = (facts.digest, code_digest(), run.parameters.digest, model.digest if model else "", size)
    return hashlib.sha256(repr(rests_on).encode()).hexdigest()[:16]
