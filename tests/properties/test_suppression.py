"""Whoever reads a bulletin with a total and cells left out cannot work a small one out, by whatever arithmetic."""

from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.suppression import Cell, Limits, hidden, is_safe

LIMITS = Limits(enterprises=3, persons=10)
CELL = st.integers(0, 8).flatmap(
    lambda firms: st.builds(Cell, st.just(firms), st.integers(firms, 60 * firms) if firms else st.just(0))
)
TABLE = st.dictionaries(st.sampled_from("甲乙丙丁戊己庚辛"), CELL, max_size=8)


@given(TABLE)
@settings(max_examples=200, deadline=None)
def test_small_cells_are_hidden_and_no_empty_one_hides_them(cells: dict[str, Cell]) -> None:
    held = hidden(cells, LIMITS)
    assert {name for name, cell in cells.items() if LIMITS.is_small(cell)} <= held
    assert all(cells[name].enterprises for name in held)


@given(TABLE)
@settings(max_examples=200, deadline=None)
def test_the_total_less_what_is_told_is_never_small(cells: dict[str, Cell]) -> None:
    held = hidden(cells, LIMITS)
    kept = {name: cells[name] for name in held}
    everything = Cell(sum(c.enterprises for c in cells.values()), sum(c.persons for c in cells.values()))
    told = Cell(
        *(sum(getattr(c, part) for n, c in cells.items() if n not in held) for part in ("enterprises", "persons"))
    )
    rest = Cell(everything.enterprises - told.enterprises, everything.persons - told.persons)
    if is_safe(kept, LIMITS):
        assert not LIMITS.is_small(rest)
        assert len(held) != 1
    else:
        full = {name for name, cell in cells.items() if cell.enterprises}
        assert held == full, (
            "the total must not be told either, and only a table that is small as a whole comes to this"
        )


@given(TABLE)
@settings(max_examples=200, deadline=None)
def test_no_hidden_cell_follows_from_the_published_sums(cells: dict[str, Cell]) -> None:
    """What is published as equations: no unit vector lies in their row space, so no hidden cell is determined."""
    names = sorted(cells)
    held = hidden(cells, LIMITS)
    if not held or not is_safe({name: cells[name] for name in held}, LIMITS):
        return
    known = [np.eye(len(names))[place] for place, name in enumerate(names) if name not in held]
    equations = np.array([np.ones(len(names)), *known])
    rank = np.linalg.matrix_rank(equations)
    for place, name in enumerate(names):
        if name in held:
            assert np.linalg.matrix_rank(np.vstack([equations, np.eye(len(names))[place]])) == rank + 1


@given(
    st.dictionaries(st.sampled_from("甲乙丙丁"), st.builds(Cell, st.integers(1, 5), st.integers(10, 30)), max_size=4)
)
@settings(max_examples=100, deadline=None)
def test_a_reader_who_knows_the_rule_still_finds_several_tables(cells: dict[str, Cell]) -> None:
    """Whole numbers of enterprises that fit the total: each hidden cell could hold more than one number."""
    held = sorted(hidden(cells, LIMITS))
    if not held or not is_safe({name: cells[name] for name in held}, LIMITS):
        return
    total = sum(cells[name].enterprises for name in held)
    fitting = [split for split in product(range(1, total + 1), repeat=len(held)) if sum(split) == total]
    assert all(len({split[place] for split in fitting}) > 1 for place in range(len(held)))


@given(TABLE, TABLE)
@settings(max_examples=200, deadline=None)
def test_two_months_together_hide_as_well_as_each(now: dict[str, Cell], before: dict[str, Cell]) -> None:
    """The changes that are left out are those of both months: their sum is not of one cell either."""
    held = hidden(now, LIMITS) | hidden(before, LIMITS)
    alone = [cells for cells in (now, before) if not is_safe({n: cells[n] for n in hidden(cells, LIMITS)}, LIMITS)]
    assert len(held) != 1 or alone


def test_lines_are_met_exactly() -> None:
    assert LIMITS.is_small(Cell(2, 500))
    assert LIMITS.is_small(Cell(3, 9))
    assert not LIMITS.is_small(Cell(3, 10))
    assert not LIMITS.is_small(Cell(0, 0))
    assert hidden({"甲": Cell(2, 40), "乙": Cell(0, 0), "丙": Cell(40, 900), "丁": Cell(5, 60)}, LIMITS) == {"甲", "丁"}
    assert hidden({"甲": Cell(2, 40), "乙": Cell(1, 30), "丙": Cell(40, 900)}, LIMITS) == {"甲", "乙"}
    assert hidden({"甲": Cell(1, 40), "乙": Cell(1, 30), "丙": Cell(40, 900)}, LIMITS) == {"甲", "乙", "丙"}
