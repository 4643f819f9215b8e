"""The model card: what a model is, how it did on months it had not seen, and what it must not be used for.

Markdown, Chinese first and English below, with the same figures. Pure: the facts of the artefact and the figures of
``backtest.as_facts`` in (a figure that could not be told is nan or None), text out. The baselines stand beside the
model on every page that shows a result.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from models.backtest import MODEL, beats_baselines
from models.card_words import CHINESE, ENGLISH, Words
from models.registry import Facts, versions

FEWEST_EVENTS = 5
UNKNOWN = "—"
LIMITS = ("limit_label", "limit_change", "limit_cause", "limit_person")

Figures = Mapping[str, Any]
Blocks = Iterator[str]


def render(facts: Facts, figures: Figures, *, variant: str, rows: int, events: int, is_simulated: bool = False) -> str:
    """The whole card of a model learned by ``variant`` from ``rows`` rows with ``events`` events."""

    def page(words: Words) -> Blocks:
        yield "# " + words["title"].format(label=facts.label, horizon=facts.horizon_months)
        yield words["purpose"]
        if is_simulated:
            yield words["simulated"]
        yield f"## {words['what']}"
        yield _subject(facts, words, variant=variant, rows=rows, events=events)
        yield f"## {words['results']}"
        yield from _results(figures, words)
        yield f"## {words['limits']}"
        yield "\n".join(f"- {words[name]}" for name in LIMITS)
        yield f"## {words['not_for']}"
        yield words["not_for_value"]
        yield f"## {words['provenance']}"
        hashes = {words[name]: getattr(facts, name) for name in ("data_hash", "code_hash", "parameters_hash")}
        yield _table((words["item"], words["value"]), list({**hashes, **versions()}.items()))

    return _both(page)


def figures_page(figures: Figures) -> str:
    """The results alone: the model and every baseline, the groups, the calibration."""

    def page(words: Words) -> Blocks:
        yield f"# {words['results']}"
        yield from _results(figures, words)

    return _both(page)


def _both(page: Callable[[Words], Blocks]) -> str:
    return "\n\n---\n\n".join("\n\n".join(page(words)) for words in (CHINESE, ENGLISH)) + "\n"


def _subject(facts: Facts, words: Words, *, variant: str, rows: int, events: int) -> str:
    themes = Counter(theme for _, theme in facts.features)
    listed = words["joined"].join(words["theme_value"].format(theme=name, count=themes[name]) for name in themes)
    months = (facts.trained_on[0], facts.trained_on[-1]) if facts.trained_on else (UNKNOWN, UNKNOWN)
    rate = _percent(events / rows if rows else None)
    trained = words["period_value"].format(first=months[0], last=months[1], rows=rows, events=events, rate=rate)
    return _table(
        (words["item"], words["value"]),
        [
            (words["meaning"], f"{facts.words.get('forecast_label', '')} `{facts.label}`".strip()),
            (words["horizon"], words["horizon_value"].format(horizon=facts.horizon_months)),
            (words["minimum"], words["minimum_value"].format(minimum=facts.minimum_insured)),
            (words["variant"], variant),
            (words["trained"], trained),
            (words["themes"], listed),
        ],
    )


def _results(figures: Figures, words: Words) -> Blocks:
    measures = figures["measures"]
    own = measures[MODEL]
    yield words["results_note"].format(
        months=words["joined"].join(figures["windows"]),
        rows=own["rows"],
        rate=_percent(own["base_rate"]),
        listed=own["listed"],
    )
    head = ("ranking", "average_precision", "precision", "lift", "jobs_recall")
    yield _table([words[name] for name in head], [_ranking(name, measures[name], words) for name in measures])
    yield _gain(figures, words)
    yield _last_window(figures, words)
    for kind, found in figures["groups"].items():
        yield f"### {words['groups'].format(kind=words.get(f'kind_{kind}', kind))}"
        yield _groups(found, words)
    yield words["few"].format(fewest=FEWEST_EVENTS)
    yield f"### {words['reliability']}"
    yield f"{words['brier']} {_number(own['brier'])}, {words['brier_skill']} {_percent(own['brier_skill'])}"
    yield words["reliability_note"]
    yield _reliability(figures["reliability"], words)
    yield f"### {words['silence']}"
    yield words["silence_note"]
    yield _silence(figures["silence"], words)


def _ranking(name: str, measures: Mapping[str, Any], words: Words) -> tuple[str, ...]:
    return (
        words.get(name, name),
        _number(measures["average_precision"]),
        _percent(measures["precision"]),
        _number(measures["lift"], 1),
        _percent(measures["jobs_recall"]),
    )


def _gain(figures: Figures, words: Words) -> str:
    """By how much the model is above the best baseline, with its interval, and what follows from it."""
    if not figures["best_baseline"]:
        return words["verdict_alone"]
    value, low, high = (_number(figure, sign="+") for figure in figures["gain"])
    best = words.get(figures["best_baseline"], figures["best_baseline"])
    gain = words["gain"].format(best=best, value=value, low=low, high=high)
    return gain + words["verdict_yes" if beats_baselines(figures) else "verdict_no"]


def _last_window(figures: Figures, words: Words) -> str:
    """The last month alone: it had no say in how the model learns."""
    last, best = figures["last_window"], figures["best_baseline"]
    return words["last_window"].format(
        month=figures["windows"][-1] if figures["windows"] else UNKNOWN,
        own=_number(last[MODEL]["average_precision"]),
        best=words.get(best, best) or UNKNOWN,
        other=_number(last[best]["average_precision"]) if best in last else UNKNOWN,
    )


def _groups(found: Mapping[str, Mapping[str, Any]], words: Words) -> str:
    head = ("group", "rows", "base_rate", "average_precision", "precision", "jobs_recall", "brier", "brier_skill")
    return _table([words[name] for name in head], [_group(name, measures) for name, measures in found.items()])


def _group(name: str, measures: Mapping[str, Any]) -> tuple[str, ...]:
    rows, rate = measures["rows"], measures["base_rate"]
    if not rows or round(rate * rows) < FEWEST_EVENTS:
        return (name, str(rows), *[UNKNOWN] * 6)
    return (
        name,
        str(rows),
        _percent(rate),
        _number(measures["average_precision"]),
        _percent(measures["precision"]),
        _percent(measures["jobs_recall"]),
        _number(measures["brier"]),
        _percent(measures["brier_skill"]),
    )


def _reliability(bins: Sequence[Mapping[str, Any]], words: Words) -> str:
    rows = [
        (str(one["bin"] + 1), str(one["rows"]), _percent(one["probability"]), _percent(one["observed"])) for one in bins
    ]
    return _table([words[name] for name in ("bin", "rows", "predicted", "observed")], rows)


def _silence(standings: Sequence[Mapping[str, Any]], words: Words) -> str:
    rows = [
        (
            one["name"] or words["none_silent"],
            str(one["rows"]),
            _percent(one["predicted"]),
            _percent(one["observed"]),
            _percent(one["error"]),
            _number(one["slope"], 2),
            _number(one["average_precision"]),
        )
        for one in standings
    ]
    head = ("silent", "rows", "predicted", "observed", "error", "slope", "average_precision")
    return _table([words[name] for name in head], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _number(value: float | None, digits: int = 3, *, sign: str = "") -> str:
    return UNKNOWN if value is None or math.isnan(value) else f"{value:{sign}.{digits}f}"


def _percent(value: float | None) -> str:
    return UNKNOWN if value is None or math.isnan(value) else f"{value:.1%}"
