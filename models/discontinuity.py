"""Regression discontinuity: what being just within a cut, and not just beyond it, does to a later outcome.

Pure: numbers in, numbers or None out. A local linear fit with a triangular kernel on each side of the cut gives the
jump; a local quadratic fit at the same width gives its interval, which is the robust bias-corrected one of Calonico,
Cattaneo and Titiunik (2014, Econometrica 82, 2295) with one width for estimate and bias (their remark 7). The width is
that of Imbens and Kalyanaraman (2012, Review of Economic Studies 79, 933). What too few rows can tell is None.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import erfc, log, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
FEWEST_ROWS = 30
FEWEST_CLUSTERS = 10
FEWEST_VALUES = 4
"""Each side needs so many rows, clusters and distinct places within the width; a quadratic alone would take three."""
STRONG_FIRST_STAGE = 10.0
"""Least F of the jump in who was treated; below it a ratio of jumps is no estimate (Staiger and Stock 1997)."""
NORMAL_95 = 1.959963984540054
EDGE_CONSTANT = 3.43754
REGULARISATION = 2160.0
DENSITY_CONSTANT = 3.348
DENSITY_BINS = 10


@dataclass(frozen=True)
class Sample:
    """Rows around a cut, each array of shape (rows,).

    ``running`` is the place relative to the cut at 0, above it where treated; no row lies on the cut. ``outcome`` is in
    the units of the jump. ``clusters`` number the units whose rows may hang together, on either side.
    """

    running: Floats
    outcome: Floats
    clusters: Ints

    def where(self, chosen: Bools) -> "Sample":
        """The rows that are ``chosen``."""
        return Sample(self.running[chosen], self.outcome[chosen], self.clusters[chosen])

    def of(self, outcome: Floats) -> "Sample":
        """The same rows with another ``outcome``."""
        return Sample(self.running, outcome, self.clusters)


@dataclass(frozen=True)
class Jump:
    """A jump upwards from the untreated to the treated side, in the outcome's units.

    ``estimate`` and its standard ``error`` are of the local linear fit; ``low`` to ``high`` is the robust 95 %
    interval, around ``corrected`` with ``robust_error``. ``below`` and ``above`` count the rows within ``width``.
    """

    estimate: float
    error: float
    corrected: float
    robust_error: float
    width: float
    below: int
    above: int
    clusters: int

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.corrected - NORMAL_95 * self.robust_error

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.corrected + NORMAL_95 * self.robust_error

    @property
    def p_value(self) -> float:
        """Two-sided, of no jump, by the robust interval; 1 where neither a jump nor any noise is seen."""
        if self.robust_error == 0:
            return 1.0 if self.corrected == 0 else 0.0
        return erfc(abs(self.corrected) / self.robust_error / sqrt(2))


@dataclass(frozen=True)
class _Fit:
    """A jump by polynomials of one degree, and what each row (shape (rows,)) adds to its error."""

    jump: float
    influence: Floats
    parameters: int


def sharp(sample: Sample, *, width: float | None = None) -> Jump | None:
    """The jump of the outcome at the cut; None where a side has too few rows within ``width`` (else ``bandwidth``)."""
    chosen = bandwidth(sample) if width is None else width
    if chosen is None or not _is_enough(sample, chosen):
        return None
    return _jump(sample, chosen, _fit(sample, chosen, degree=1), _fit(sample, chosen, degree=2))


def fuzzy(sample: Sample, treated: Floats, *, width: float | None = None) -> Jump | None:
    """The jump of the outcome per unit of the jump in ``treated`` (shape (rows,), 0 or 1): the Wald ratio.

    The width is that of the outcome. None where there are too few rows, or where being within the cut moves ``treated``
    too little (``STRONG_FIRST_STAGE``). Errors are those of the ratio by the delta method.
    """
    chosen = bandwidth(sample) if width is None else width
    first = sharp(sample.of(treated), width=chosen) if chosen is not None else None
    if chosen is None or first is None or first.estimate == 0:
        return None
    if first.estimate**2 < STRONG_FIRST_STAGE * first.error**2:
        return None
    linear, quadratic = (
        _ratio(_fit(sample, chosen, degree=degree), _fit(sample.of(treated), chosen, degree=degree))
        for degree in (1, 2)
    )
    return None if linear is None or quadratic is None else _jump(sample, chosen, linear, quadratic)


def balance(sample: Sample, covariates: Mapping[str, Floats]) -> dict[str, Jump | None]:
    """The jump of each covariate that was settled before the cut was made, at its own width.

    A covariate has shape (rows,), nan where unknown: those rows are left out of its own jump. No jump is expected.
    """
    found = {}
    for name, values in covariates.items():
        known = np.isfinite(values)
        found[name] = sharp(sample.of(values).where(known))
    return found


def placebo(sample: Sample, *, at: float) -> Jump | None:
    """The jump at a place where nothing changes: ``at``, by the rows on its side of the true cut alone."""
    same = sample.where((sample.running > 0) == (at > 0))
    moved = Sample(same.running - at, same.outcome, same.clusters)
    return sharp(moved.where(moved.running != 0))


def bandwidth(sample: Sample) -> float | None:
    """Width with the least expected squared error of the jump, in units of ``running`` (Imbens, Kalyanaraman 2012).

    Where the running variable has mass points, it is never so narrow that a side holds fewer than ``FEWEST_VALUES`` of
    them, nor wider than the rows reach. None where a side has too few rows at all.
    """
    x, y = sample.running, sample.outcome
    reach = float(np.abs(x).max(initial=0.0))
    if not reach or not _is_enough(sample, np.nextafter(reach, np.inf)):
        return None
    above, rows = x > 0, len(x)
    pilot = 1.84 * float(x.std(ddof=1)) * rows**-0.2
    near = np.abs(x) <= max(pilot, _floor(x))
    density = float(near.sum()) / (2 * rows * max(pilot, _floor(x)))
    cubic = _least_squares(np.column_stack([x**0, above, x, x**2, x**3]), y)
    third = 6 * float(cubic[4])
    variances, curvatures, regularised = [], [], 0.0
    for side in (~above, above):
        variance = float(y[near & side].var(ddof=1))
        span = float(np.abs(x[side]).max())
        wide = span
        if variance > 0 and third != 0:
            wide = min(span, 7200 ** (1 / 7) * (variance / (density * third**2) / float(side.sum())) ** (1 / 7))
        wide = max(wide, _floor(x[side]))
        chosen = side & (np.abs(x) <= wide)
        square = _least_squares(np.vander(x[chosen], 3, increasing=True), y[chosen])
        variances.append(variance)
        curvatures.append(2 * float(square[2]))
        regularised += REGULARISATION * variance / (float(chosen.sum()) * wide**4)
    bias = (curvatures[1] - curvatures[0]) ** 2 + regularised
    if bias <= 0:
        return float(np.nextafter(reach, np.inf))
    best = EDGE_CONSTANT * (sum(variances) / (density * bias * rows)) ** 0.2
    return float(min(max(best, np.nextafter(_floor(x), np.inf)), np.nextafter(reach, np.inf)))


def density(running: Floats) -> Jump | None:
    """The jump in the logarithm of the density at 0 of ``running``, shape (rows,): McCrary (2008), J. Econometrics 142.

    Rows are counted in bins of 2·s·n^(−1/2), the counts smoothed on each side by a local linear fit with a triangular
    kernel, at his width (one quartic each side). The error takes rows as independent. A jump says that places at the
    cut were moved over. None where a side has too few rows or bins.
    """
    rows = len(running)
    if min((running > 0).sum(), (running < 0).sum()) < FEWEST_ROWS:
        return None
    size = 2 * float(running.std(ddof=1)) / sqrt(rows)
    sides = [_binned(-running[running < 0], size, rows), _binned(running[running > 0], size, rows)]
    if min(len(middles) for middles, _ in sides) < DENSITY_BINS:
        return None
    width = sum(_density_width(middles, heights) for middles, heights in sides) / 2
    at_cut = [_edge_value(middles, heights, width) for middles, heights in sides]
    if min(at_cut) <= 0:
        return None
    error = sqrt(24 / 5 / (rows * width) * (1 / at_cut[0] + 1 / at_cut[1]))
    jump = log(at_cut[1]) - log(at_cut[0])
    counts = [int(((running * sign > 0) & (running * sign <= width)).sum()) for sign in (-1, 1)]
    return Jump(jump, error, jump, error, width, counts[0], counts[1], rows)


def _is_enough(sample: Sample, width: float) -> bool:
    near = np.abs(sample.running) < width
    for side in (near & (sample.running < 0), near & (sample.running > 0)):
        values, clusters = np.unique(sample.running[side]), np.unique(sample.clusters[side])
        if side.sum() < FEWEST_ROWS or len(values) < FEWEST_VALUES or len(clusters) < FEWEST_CLUSTERS:
            return False
    return True


def _floor(running: Floats) -> float:
    """How far the ``FEWEST_VALUES`` places nearest to the cut reach, on the side where they reach farther."""
    reached = 0.0
    for side in (-running[running < 0], running[running > 0]):
        places = np.unique(side)
        if len(places):
            reached = max(reached, float(places[:FEWEST_VALUES][-1]))
    return reached


def _least_squares(design: Floats, outcome: Floats) -> Floats:
    found: Floats = np.asarray(np.linalg.lstsq(design, outcome, rcond=None)[0], dtype=np.float64)
    return found


def _fit(sample: Sample, width: float, *, degree: int) -> _Fit:
    """Both sides by weighted least squares; a row's influence is its share in the jump's error."""
    x, y = sample.running, sample.outcome
    weights = np.maximum(1 - np.abs(x) / width, 0)
    jump = 0.0
    influence: Floats = np.zeros(len(x), dtype=np.float64)
    for sign in (-1, 1):
        own = (x * sign > 0) & (weights > 0)
        design = np.vander(x[own] / width, degree + 1, increasing=True)
        weighted: Floats = design * weights[own, None]
        gram = np.linalg.pinv(weighted.T @ design)
        solved = gram @ (weighted.T @ y[own])
        jump += sign * float(solved[0])
        influence[own] = sign * (weighted @ gram[0]) * (y[own] - design @ solved)
    return _Fit(jump, influence, 2 * (degree + 1))


def _ratio(outcome: _Fit, treated: _Fit) -> _Fit | None:
    if treated.jump == 0:
        return None
    ratio = outcome.jump / treated.jump
    return _Fit(ratio, (outcome.influence - ratio * treated.influence) / treated.jump, outcome.parameters)


def _jump(sample: Sample, width: float, linear: _Fit, quadratic: _Fit) -> Jump:
    near = np.abs(sample.running) < width
    clusters = np.unique(sample.clusters[near])
    return Jump(
        estimate=linear.jump,
        error=_clustered(linear, sample.clusters[near], near),
        corrected=quadratic.jump,
        robust_error=_clustered(quadratic, sample.clusters[near], near),
        width=width,
        below=int((near & (sample.running < 0)).sum()),
        above=int((near & (sample.running > 0)).sum()),
        clusters=len(clusters),
    )


def _clustered(fit: _Fit, clusters: Ints, near: Bools) -> float:
    """Standard error that lets rows of a cluster hang together, with the usual factor for few clusters and rows."""
    _, place = np.unique(clusters, return_inverse=True)
    sums = np.bincount(place, weights=fit.influence[near])
    count, rows = len(sums), len(clusters)
    factor = count / (count - 1) * (rows - 1) / (rows - fit.parameters)
    return sqrt(factor * float(sums @ sums))


def _binned(distance: Floats, size: float, rows: int) -> tuple[Floats, Floats]:
    """Middles of the bins from the cut outwards, and the density in each; the last bin may be cut short and is left."""
    count = int(distance.max() // size)
    heights = np.bincount((distance // size).astype(np.int64), minlength=count)[:count] / (rows * size)
    middles: Floats = (np.arange(count, dtype=np.float64) + 0.5) * size
    return middles, heights


def _density_width(middles: Floats, heights: Floats) -> float:
    """McCrary's width of one side; all of it where the quartic is straight."""
    span = float(middles[-1] + middles[0])
    design = np.vander(middles / span, 5, increasing=True)
    solved = _least_squares(design, heights)
    residual = heights - design @ solved
    noise = float(residual @ residual) / max(len(heights) - 5, 1)
    bend = (2 * solved[2] + 6 * solved[3] * (middles / span) + 12 * solved[4] * (middles / span) ** 2) / span**2
    total = float(bend @ bend)
    wide = DENSITY_CONSTANT * (noise * span / total) ** 0.2 if total > 0 else span
    return min(max(wide, FEWEST_VALUES * 2 * float(middles[0])), span)


def _edge_value(middles: Floats, heights: Floats, width: float) -> float:
    weights = np.sqrt(np.maximum(1 - middles / width, 0))
    design = np.vander(middles, 2, increasing=True)
    return float(_least_squares(design * weights[:, None], heights * weights)[0])
