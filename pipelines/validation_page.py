"""The validation report as Markdown, Chinese first and English below, with charts as SVG beside it.

Pure: the facts of ``panel_validation`` in, texts out. Both halves show the same figures. No employer can be named: none
is known here.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.panel_figures import FEWEST_ROWS, MODEL, OTHER, SHARES
from pipelines import charts
from pipelines.charts import Axes, Bar, Series
from pipelines.validation_words import CHINESE, ENGLISH, Words

Facts = Mapping[str, Any]
Blocks = Iterator[str]
UNKNOWN = "—"
FEWEST_EVENTS = 10
PERMUTED_BOUNDS = (0.47, 0.53)


def render(
    sections: Sequence[Facts], *, pictures: str, notes: tuple[str, str] = ("", "")
) -> tuple[str, dict[str, str]]:
    """The page, and its charts by file name; ``pictures`` is the folder of the charts as the page refers to it.

    ``sections`` are the facts of one question each, in order; ``notes`` what its maker must say first, in Chinese and
    in English.
    """
    drawn = {name: text for section in sections for name, text in _charts(section)}
    halves = (
        _half(sections, words, zh=words is CHINESE, pictures=pictures, note=note)
        for words, note in zip((CHINESE, ENGLISH), notes, strict=True)
    )
    return "\n\n---\n\n".join("\n\n".join(blocks) for blocks in halves) + "\n", drawn


def _half(sections: Sequence[Facts], words: Words, *, zh: bool, pictures: str, note: str) -> Blocks:
    yield f"# {words['title']}"
    yield words["purpose"].format(fewest=FEWEST_ROWS)
    yield from [note] if note else []
    yield f"## {words['summary']}"
    yield _summary(sections, words, zh=zh)
    yield words["summary_note"]
    for section in sections:
        yield from _section(section, words, zh=zh, pictures=pictures)


def _summary(sections: Sequence[Facts], words: Words, *, zh: bool) -> str:
    head = ["question", "rows", "rate", "auc", "average_precision", "precision", "best", "gain", "difference"]
    rows = []
    for one in sections:
        found, best = one["intervals"], one["best_baseline"]
        rows.append(
            (
                _name(one, zh=zh),
                str(one["rows"]),
                _number(one["observed"]),
                *(_interval(found[name], words) for name in ("auc", "average_precision", "precision")),
                f"{words.get(best, best)} {_number(_precision_of(one, best))}" if best else UNKNOWN,
                _interval(found["gain"], words) if best else UNKNOWN,
                _number(one["predicted"] - one["observed"], sign="+"),
                _number(one["brier_skill"]),
            )
        )
    return _table([words[name] for name in (*head, "brier_skill")], rows)


def _section(facts: Facts, words: Words, *, zh: bool, pictures: str) -> Blocks:
    name = _name(facts, zh=zh)
    yield "## " + words["section"].format(
        name=name, meaning=facts["meaning"], label=facts["label"], horizon=facts["horizon"], minimum=facts["minimum"]
    )
    yield _subject(facts, words)
    if facts["broken_months"]:
        yield words["broken"].format(months=words["joined"].join(facts["broken_months"]))
    yield f"### {words['rankings']}"
    yield _rankings(facts, words)
    suffix = "zh" if zh else "en"
    for chart in ("curve", "reliability", "interval"):
        yield f"![{words[f'chart_{chart}']}]({pictures}/{facts['name']}-{chart}.{suffix}.svg)"
    yield f"### {words['calibration']}"
    yield _calibration(facts, words)
    for kind, found in facts["groups"].items():
        yield f"### {words['groups'].format(kind=words[f'kind_{kind}'])}"
        yield _groups(found, words)
    yield words["few"].format(fewest=FEWEST_EVENTS)
    yield f"### {words['seen']}"
    yield words["seen_note"]
    yield _subsets(facts["seen"], "seen", words)
    yield f"### {words['lead']}"
    yield _lead(facts["lead"], words)
    yield f"### {words['errors']}"
    yield from _errors(facts, words)
    if facts["poorer"]:
        yield f"### {words['poorer']}"
        yield words["poorer_note"]
        yield _subsets({one["name"]: one for one in facts["poorer"]}, "poorer", words)
    yield f"### {words['checks']}"
    yield _checks(facts["checks"], words)
    yield f"### {words['evidence']}"
    yield _evidence(facts["evidence"], words)


def _subject(facts: Facts, words: Words) -> str:
    months, origins = facts["trained_on"], facts["origins"]
    text = words["subject_rolling" if facts["is_rolling"] else "subject"]
    return text.format(
        trained_first=months[0],
        trained_last=months[-1],
        embargoed=facts["embargoed_rows"],
        origins=words["joined"].join(origins),
        rate=_number(facts["observed"]),
        calibrated=words["calibrated_yes" if facts["is_calibrated"] else "calibrated_no"],
        **{
            name: facts[name]
            for name in (
                "training_rows",
                "training_enterprises",
                "training_events",
                "rows",
                "enterprises",
                "events",
                "variant",
            )
        },
    )


def _rankings(facts: Facts, words: Words) -> str:
    shares = [f"{share:g}" for share in SHARES]
    head = [words["ranking"], words["auc"], words["average_precision"], words["lift"]]
    head += [words["at"].format(share=f"{float(share):.0%}") for share in shares]
    rows = []
    for name, found in facts["rankings"].items():
        lists = found["lists"]
        cells = [f"{_number(lists[one]['precision'])} / {_number(lists[one]['jobs_recall'])}" for one in shares]
        lift = _number(lists["0.05"]["lift"], 1)
        rows.append((words.get(name, name), _number(found["auc"]), _number(found["average_precision"]), lift, *cells))
    return _table(head, rows)


def _calibration(facts: Facts, words: Words) -> str:
    top = _table(
        [words[name] for name in ("predicted", "observed", "difference", "brier", "brier_skill", "calibration_error")],
        [
            (
                _number(facts["predicted"]),
                _number(facts["observed"]),
                _interval(facts["intervals"]["difference"], words, sign="+"),
                _number(facts["brier"]),
                _interval(facts["intervals"]["brier_skill"], words),
                _number(facts["calibration_error"]),
            )
        ],
    )
    bins = [
        (str(one["bin"] + 1), str(one["rows"]), _number(one["probability"]), _number(one["observed"]))
        for one in facts["reliability"]
    ]
    tenths = _table([words[name] for name in ("bin", "rows", "predicted", "observed")], bins)
    return f"{top}\n\n{words['calibration_note']}\n\n{tenths}"


def _groups(found: Sequence[Facts], words: Words) -> str:
    names = ("rows", "events", "predicted", "observed", "brier_skill", "auc", "average_precision", "precision")
    head = [words[name] for name in ("group", *names, "jobs_recall", "thirds")]
    rows = []
    for one in found:
        group = words["other"] if one["group"] == OTHER else str(one["group"])
        if one["events"] < FEWEST_EVENTS:
            rows.append((group, str(one["rows"]), *[UNKNOWN] * 9))
            continue
        figures = [_number(one[name]) for name in (*names[2:], "jobs_recall")]
        thirds = " / ".join(f"{_number(b['probability'])}→{_number(b['observed'])}" for b in one["reliability"])
        rows.append((group, str(one["rows"]), str(one["events"]), *figures, thirds))
    return _table(head, rows)


def _subsets(found: Mapping[str, Facts], kind: str, words: Words) -> str:
    names = ("auc", "average_precision", "precision", "predicted", "observed", "brier_skill")
    rows = [
        (words[f"{kind}_{name}"], str(one.get("rows", 0)), *(_number(one.get(figure)) for figure in names))
        for name, one in found.items()
    ]
    return _table([words[name] for name in ("subset", "rows", *names)], rows)


def _lead(found: Facts, words: Words) -> str:
    told = [words["lead_one"].format(months=months, count=count) for months, count in found["by_months"].items()]
    return words["lead_note"].format(
        with_event=found["enterprises_with_event"],
        listed=found["listed_before"],
        median=_number(found["median"], 0),
        distribution=words["joined"].join(told) or UNKNOWN,
    )


def _errors(facts: Facts, words: Words) -> Blocks:
    found = facts["errors"]
    yield words["errors_listed"].format(
        listed=found["listed"], false=found["false"], near=found["false_near"], none=found["false_none_lost"]
    )
    yield words["errors_missed"].format(
        events=facts["events"],
        missed=found["missed"],
        share=_percent(found["missed_share"]),
        jobs=_percent(found["missed_jobs_share"]),
        barely=found["missed_barely"],
        all_small=_percent(found["events_small"] / facts["events"] if facts["events"] else math.nan),
        missed_small=_percent(found["missed_small"] / found["missed"] if found["missed"] else math.nan),
    )
    if found["cells"]:
        yield words["errors_cells"]
        head = [words[name] for name in ("industry", "month", "rows", "predicted", "observed", "standard_errors")]
        rows = [
            (
                words["other"] if one["industry"] == OTHER else one["industry"],
                one["month"],
                str(one["rows"]),
                _number(one["predicted"]),
                _number(one["observed"]),
                _number(one["errors"], 1, sign="+"),
            )
            for one in found["cells"]
        ]
        yield _table(head, rows)


def _checks(found: Facts, words: Words) -> str:
    low, high = PERMUTED_BOUNDS
    values = found["permuted"]
    future = found["future"]
    told = words["check_permuted_few"]
    if values:
        mean = sum(values) / len(values)
        fair = words["pass" if low <= mean <= high else "fail"]
        told = words["check_permuted"].format(
            count=len(values), mean=_number(mean), low=_number(min(values)), high=_number(max(values)), verdict=fair
        )
    return "\n".join(
        [
            f"- {told}",
            "- "
            + words["check_future"].format(
                scores=future["scores"],
                changed=future["changed"],
                verdict=words["fail" if future["changed"] else "pass"],
            ),
        ]
    )


def _evidence(evidence: Sequence[Facts], words: Words) -> str:
    if not evidence:
        return words["evidence_none"]
    windows = sorted({one["window"] for one in evidence})
    names = list(dict.fromkeys(one["variant"] for one in evidence))
    scores = {(one["variant"], one["window"]): one["average_precision"] for one in evidence}
    rows = [(name, *(_number(scores.get((name, window))) for window in windows)) for name in names]
    return _table([words["variant"], *windows], rows)


def _charts(facts: Facts) -> Iterator[tuple[str, str]]:
    for words, suffix in ((CHINESE, "zh"), (ENGLISH, "en")):
        title = _name(facts, zh=suffix == "zh")
        yield f"{facts['name']}-curve.{suffix}.svg", _curve(facts, words, title)
        yield f"{facts['name']}-reliability.{suffix}.svg", _reliability(facts, words, title)
        yield f"{facts['name']}-interval.{suffix}.svg", _interval_chart(facts, words, title)


def _curve(facts: Facts, words: Words, title: str) -> str:
    series = [Series(words.get(name, name), tuple(map(tuple, points))) for name, points in facts["curves"].items()]
    most = max((y for one in series for _, y in one.points if math.isfinite(y)), default=1.0)
    axes = Axes(
        f"{title} · {words['chart_curve']}",
        words["axis_share"],
        words["axis_precision"],
        (0.0, 0.3),
        (0.0, _above(most)),
    )
    return charts.lines(series, axes)


def _reliability(facts: Facts, words: Words, title: str) -> str:
    points = tuple((one["probability"], one["observed"]) for one in facts["reliability"])
    most = _above(max((max(point) for point in points), default=1.0))
    axes = Axes(
        f"{title} · {words['chart_reliability']}",
        words["axis_predicted"],
        words["axis_observed"],
        (0.0, most),
        (0.0, most),
        has_diagonal=True,
    )
    return charts.lines([Series(words["model"], points, is_dotted=True)], axes)


def _interval_chart(facts: Facts, words: Words, title: str) -> str:
    value, low, high = facts["intervals"]["average_precision"]
    bars = [Bar(words[MODEL], value, low, high)]
    for name, found in facts["rankings"].items():
        if name != MODEL:
            one = found["average_precision"]
            bars.append(Bar(words.get(name, name), one, one, one))
    return charts.intervals(bars, f"{title} · {words['chart_interval']}", most=_above(max(bar.high for bar in bars)))


def _above(value: float) -> float:
    """The next tenth above ``value``, at most 1."""
    return min(math.ceil(value * 10 + 0.25) / 10, 1.0)


def _name(facts: Facts, *, zh: bool) -> str:
    return str(facts["name_zh"] if zh else facts["name"].replace("_", " "))


def _precision_of(facts: Facts, name: str) -> float:
    return float(facts["rankings"][name]["average_precision"]) if name else math.nan


def _interval(found: Sequence[float], words: Words, *, sign: str = "") -> str:
    value, low, high = (_number(one, sign=sign) for one in found)
    return words["interval"].format(value=value, low=low, high=high)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _number(value: float | None, digits: int = 3, *, sign: str = "") -> str:
    return UNKNOWN if value is None or math.isnan(value) else f"{value:{sign}.{digits}f}"


def _percent(value: float) -> str:
    return UNKNOWN if math.isnan(value) else f"{value:.0%}"
