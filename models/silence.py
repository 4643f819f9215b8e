"""How far the probabilities of a model can be trusted while one of its sources never comes: figures per source."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from models import absence, calibrate, validate
from models.absence import Sources
from models.estimators import Bools, Design, Floats, probability

NONE = ""


class Scoring(Protocol):
    """What is asked of a model; ``models.train.Model`` is one."""

    @property
    def design(self) -> Design:
        """Its features in order."""
        ...

    def log_odds(self, values: Floats) -> Floats:
        """Log-odds of shape (rows,)."""
        ...


@dataclass(frozen=True)
class Standing:
    """Probabilities without ``source`` (``NONE``: with all) against what happened.

    ``predicted`` and ``observed`` are means, ``error`` their mean distance over tenths of the rows by probability. A
    model that is right has slope 1 and intercept 0: the regression of what happened on its log-odds.
    """

    source: str
    rows: int
    events: int
    predicted: float
    observed: float
    error: float
    slope: float
    intercept: float
    average_precision: float


def without_each(model: Scoring, values: Floats, sources: Sources) -> Iterator[tuple[str, Floats]]:
    """``NONE`` and each source that the model reads, with the log-odds of ``values`` had it never come."""
    names = model.design.names
    yield NONE, model.log_odds(values)
    for source, columns in sources.items():
        own = {*columns, absence.name_of(source)}
        places = [place for place, name in enumerate(names) if name in own]
        if places:
            yield source, model.log_odds(absence.blanked(values, places))


def standing(source: str, event: Bools, log_odds: Floats) -> Standing:
    """The figures of ``log_odds`` given without ``source``; a figure that the rows cannot tell is nan."""
    chance = probability(log_odds)
    has_both = bool(event.any() and not event.all())
    slope, intercept = calibrate.fit_platt(log_odds, event) if has_both else (float("nan"), float("nan"))
    return Standing(
        source=source,
        rows=len(event),
        events=int(event.sum()),
        predicted=float(chance.mean()) if len(event) else float("nan"),
        observed=float(event.mean()) if len(event) else float("nan"),
        error=validate.calibration_error(event, chance),
        slope=slope,
        intercept=intercept,
        average_precision=validate.average_precision(event, log_odds),
    )


def standings(event: Bools, log_odds: Mapping[str, Floats]) -> tuple[Standing, ...]:
    """The figures of every source of ``log_odds``, ``NONE`` among them, in their order."""
    return tuple(standing(source, event, found) for source, found in log_odds.items())
