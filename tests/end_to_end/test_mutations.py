"""Deliveries broken in every way we know: each is accepted with every row accounted for, or refused in plain Chinese.

A worker has four gigabytes and a limit of time per file; a reader that panics, a process that dies and one that does
not come back are failures like any other. The table of kinds and outcomes is printed (``pytest -s``).
"""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from mutation_judge import Verdict
from mutation_pool import Job, verdicts
from mutations import kinds_for
from specimens import Specimen, specimens

from pipelines import contracts as contract_files

OUTCOMES = ("accepted", "refused", "raised", "died", "hung")
QUICK = 300
PROOF = 10_000


def jobs(known: Sequence[Specimen], count: int) -> list[Job]:
    """The first ``count`` mutants: every kind in every container, over one feed after another."""
    feeds = sorted({one.feed for one in known})
    pairs = sorted({(kind, one.container) for one in known for kind in kinds_for(one.container)})
    places = {(one.feed, one.container): place for place, one in enumerate(known)}
    found: list[Job] = []
    for number in range(count):
        kind, container = pairs[number % len(pairs)]
        feed = feeds[(number + number // len(pairs)) % len(feeds)]
        found.append((kind, number, places[feed, container]))
    return found


def table(found: Iterable[Verdict]) -> str:
    """Kind × outcome."""
    counts = Counter((v.kind, v.outcome) for v in found)
    lines = [f"| kind | {' | '.join(OUTCOMES)} |", "| --- |" + " ---: |" * len(OUTCOMES)]
    for kind in sorted({kind for kind, _ in counts}):
        lines.append(f"| {kind} | {' | '.join(str(counts[kind, outcome]) for outcome in OUTCOMES)} |")
    total = Counter(outcome for (_, outcome), count in counts.items() for _ in range(count))
    return "\n".join([*lines, f"| all | {' | '.join(str(total[outcome]) for outcome in OUTCOMES)} |"])


def proved(city: Path, root: Path, count: int) -> list[Verdict]:
    known = specimens(city, contract_files.load())
    found = list(verdicts(jobs(known, count), known, root, workers=2))
    print(f"\n{table(found)}\nmost memory: {max(v.megabytes for v in found)} MB")  # noqa: T201
    assert len(found) == count
    return found


def wrong(found: Iterable[Verdict]) -> list[str]:
    return [
        f"{v.kind} {v.number} {v.container} {v.feed}: {v.outcome}: {'; '.join(v.faults)}" for v in found if v.faults
    ]


def test_a_broken_delivery_is_read_or_refused(small_city: Path, tmp_path: Path) -> None:
    assert wrong(proved(small_city, tmp_path, QUICK)) == []


@pytest.mark.proof
def test_ten_thousand_broken_deliveries_are_read_or_refused(small_city: Path, tmp_path: Path) -> None:
    assert wrong(proved(small_city, tmp_path, PROOF)) == []
