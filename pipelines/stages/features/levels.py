"""Insured persons of every enterprise month by month, with proven zeros: what outcomes are read from after the fact."""

import numpy as np

from pipelines.parameters import Parameters
from pipelines.run import Run
from pipelines.stages.features import reading
from pipelines.stages.features.masked import Bools, Ints
from pipelines.stages.features.panel import Origin
from pipelines.warehouse import Warehouse

UNKNOWN = -1


def levels(warehouse: Warehouse, *, first: int, last: int, size: int = reading.BLOCK_SIZE) -> Ints:
    """Insured persons, shape (enterprises, months from ``first`` to ``last``), −1 where unknown.

    Rows are in order of enterprise_no. An enterprise seen before and absent from a complete month has 0.
    """
    count = warehouse.count("core.enterprise")
    city = reading.read_city(warehouse, (Origin(insurance=first), Origin(insurance=last)))
    found = np.full((count, last - first + 1), UNKNOWN, dtype=np.int64)
    for bucket in reading.buckets(reading.Bucket(0, count), size=size):
        panel = reading.insurance(warehouse, city, bucket, query="read_insured")
        part = panel.levels.raw(UNKNOWN)[first - city.first :].T
        found[bucket.first_no : bucket.first_no + bucket.count] = part
    return found


def broken(run: Run, found: Ints) -> Bools:
    """Months in which so many enterprises vanish at once that the coverage, not they, must have changed; (months,)."""
    return vanished(found, run.parameters)


def vanished(found: Ints, parameters: Parameters) -> Bools:
    """``broken`` by the lines of ``parameters``."""
    insured = found > 0
    gone = (insured[:, :-1] & ~insured[:, 1:]).sum(axis=0)
    before = insured[:, :-1].sum(axis=0)
    share = parameters["coverage_break_share_pct"]
    least = parameters["coverage_break_minimum_enterprises"]
    return np.concatenate([[False], (gone >= least) & (gone * 100 >= share * before)])
