"""Whoever knows every total of a table cannot work out a cell that was left out of it, while others could cover it."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.small_cells import Place, left_out
from pipelines.suppression import Cell, Limits

LIMITS = Limits(enterprises=3, persons=10)
CELL = st.integers(1, 9).flatmap(lambda firms: st.builds(Cell, st.just(firms), st.integers(firms, 40 * firms)))
PLACE = st.tuples(st.sampled_from("甲乙丙丁"), st.sampled_from("农工商建"))


@given(st.dictionaries(PLACE, CELL, min_size=1, max_size=16))
@settings(max_examples=200, deadline=None)
def test_totals_of_rows_and_columns_give_no_cell_away(cells: dict[Place, Cell]) -> None:
    held = sorted(left_out(cells, LIMITS))
    assert {place for place, cell in cells.items() if LIMITS.is_small(cell)} <= set(held)
    lines = sorted({(axis, place[axis]) for axis in (0, 1) for place in held})
    known = np.array([[place[axis] == name for place in held] for axis, name in lines], dtype=float)
    for number, place in enumerate(held):
        unit = np.eye(len(held))[number]
        is_told = np.linalg.matrix_rank(np.vstack([known, unit])) == np.linalg.matrix_rank(known)
        could_cover = [p for p in cells if p not in held and (p[0] == place[0] or p[1] == place[1])]
        assert not (is_told and could_cover), place


@given(st.dictionaries(st.tuples(st.sampled_from("甲乙丙丁戊己")), CELL, min_size=1, max_size=6))
@settings(max_examples=100, deadline=None)
def test_the_total_less_what_is_told_is_never_small(cells: dict[Place, Cell]) -> None:
    held = left_out(cells, LIMITS)
    rest = Cell(sum(cells[p].enterprises for p in held), sum(cells[p].persons for p in held))
    assert held == set(cells) or not LIMITS.is_small(rest)
