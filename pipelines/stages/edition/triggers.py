"""Observed and predicted triggers: which colour an enterprise's facts give under the thresholds in force.

One judgement, over a whole frame, so the same facts can also be judged under yesterday's thresholds and a change of
thresholds be told from a change of facts. Integers are compared with integers. While the rule score leads there is no
probability, and no predicted colour: points are not one.
"""

from collections.abc import Mapping
from datetime import date

import polars as pl

from pipelines.parameters import Parameters
from pipelines.run import add_months

COLOURS = ("红", "橙", "黄", "蓝")
SEVERITY: Mapping[str | None, int] = {"红": 4, "橙": 3, "黄": 2, "蓝": 1, None: 0}
TINTS: Mapping[str, str] = {"红": "red", "橙": "orange", "黄": "yellow", "蓝": "blue"}
ENDED = ("注销", "吊销")
THRESHOLDS = (
    "red_loss_persons",
    "red_closure_persons",
    "orange_loss_persons",
    "orange_loss_pct",
    "orange_loss_pct_min_persons",
    "yellow_loss_persons",
    "yellow_loss_pct",
    "yellow_loss_pct_min_base",
    "closure_absent_months",
    "closure_window_months",
    "blue_dimensions",
    "blue_points",
    "blue_min_insured_persons",
    "predicted_red_probability_pct",
    "predicted_red_loss_persons",
    "predicted_orange_probability_pct",
    "predicted_orange_loss_persons",
    "predicted_yellow_probability_pct",
    "predicted_yellow_loss_persons",
    "predicted_blue_probability_pct",
    "predicted_blue_loss_persons",
)
PREDICTED = "predicted"
OWN = "own"
ABSENCES = ("absent_once", "closure_absent")
LOSSES = ("loss_persons", "loss_ratio", *ABSENCES)


def thresholds(parameters: Parameters) -> dict[str, int]:
    """Name → value of every threshold in force; raises ``ContractError`` where one has no value."""
    return {name: int(parameters[name]) for name in THRESHOLDS}


def judge(facts: pl.DataFrame, limits: Mapping[str, int], *, as_of: date, reference_month: date | None) -> pl.DataFrame:
    """``facts`` with ``trigger_colour``, ``trigger_code``, ``staff_persons`` and ``ended_before_window``.

    ``staff_persons`` are the persons a closure costs: the insured of the reference month, else of the last month with
    a row, less those who moved together to one other enterprise. A loss by absence from a single month reaches orange
    at most: one missing row is not yet a closure.
    """
    window = add_months(reference_month or as_of.replace(day=1), 1 - limits["closure_window_months"])
    insured = pl.col("insured_persons")
    left = pl.coalesce("absent_loss_persons", "last_insured_persons", "insured_persons")
    staff = pl.when(insured > 0).then(insured).otherwise(left)
    ended = pl.col("enterprise_status").is_in(ENDED) & (pl.col("deregistered_on") <= as_of)
    prepared = facts.with_columns(
        staff_persons=staff,
        ended_before_window=(ended & (pl.col("deregistered_on") < window)).fill_null(value=False),
        is_ended=_is_ended(limits, as_of=as_of, window=window).fill_null(value=False),
        is_gone=pl.col("absent_months").is_between(limits["closure_absent_months"], limits["closure_window_months"]),
    )
    closed = pl.col("is_ended") | pl.col("is_gone").fill_null(value=False)
    prepared = prepared.with_columns(
        is_closed=closed, is_absent_once=(pl.col("absent_months") == 1).fill_null(value=False) & ~closed
    )
    code = pl.lit(None, dtype=pl.String())
    colour = pl.lit(None, dtype=pl.String())
    for name, shade, condition in reversed(_rules(limits)):
        code = pl.when(condition).then(pl.lit(name)).otherwise(code)
        colour = pl.when(condition).then(pl.lit(shade)).otherwise(colour)
    judged = prepared.with_columns(trigger_colour=colour, trigger_code=code)
    return judged.drop("is_ended", "is_gone", "is_closed", "is_absent_once")


def with_own_cases(judged: pl.DataFrame) -> pl.DataFrame:
    """``judged`` with the colour that an officer gave by hand where it is graver than what triggers."""
    grades = {colour: grade for colour, grade in SEVERITY.items() if colour}
    own, found = (
        pl.col(name).replace_strict(grades, default=0, return_dtype=pl.Int64).fill_null(0)
        for name in ("own_colour", "trigger_colour")
    )
    return judged.with_columns(
        trigger_code=pl.when(own > found).then(pl.lit(OWN)).otherwise("trigger_code"),
        trigger_colour=pl.when(own > found).then("own_colour").otherwise("trigger_colour"),
    )


def is_loss(lost: int, base: int, limits: Mapping[str, int]) -> bool:
    """Whether ``lost`` persons of ``base`` meet any line; the festival's part can only make a loss smaller."""
    share = lost * 100 >= limits["yellow_loss_pct"] * base and base >= limits["yellow_loss_pct_min_base"]
    return lost > 0 and (lost >= limits["yellow_loss_persons"] or share)


def _is_ended(limits: Mapping[str, int], *, as_of: date, window: date) -> pl.Expr:
    """Registration ended inside the window; without a date, only where the insurance rows have stopped too."""
    dated = pl.col("deregistered_on").is_between(window, as_of)
    stopped = pl.col("deregistered_on").is_null() & pl.col("absent_months").is_between(
        1, limits["closure_window_months"]
    )
    return pl.col("enterprise_status").is_in(ENDED) & (dated.fill_null(value=False) | stopped.fill_null(value=False))


def _rules(limits: Mapping[str, int]) -> list[tuple[str, str, pl.Expr]]:
    """Code, colour and condition of every trigger, the gravest first."""
    lost, base, staff = pl.col("net_loss_persons"), pl.col("previous_insured_persons"), pl.col("staff_persons")
    ended = pl.col("is_ended")
    closed, once = pl.col("is_closed"), pl.col("is_absent_once")
    orange_share = (lost * 100 >= limits["orange_loss_pct"] * base) & (lost >= limits["orange_loss_pct_min_persons"])
    yellow_share = (
        (lost * 100 >= limits["yellow_loss_pct"] * base) & (base >= limits["yellow_loss_pct_min_base"]) & (lost > 0)
    )
    orange_staff = min(limits["orange_loss_persons"], limits["orange_loss_pct_min_persons"])
    yellow_staff = min(limits["yellow_loss_persons"], limits["yellow_loss_pct_min_base"])
    reasons = (
        (pl.col("dimension_count") >= limits["blue_dimensions"])
        & (pl.col("points") >= limits["blue_points"])
        & (staff >= limits["blue_min_insured_persons"])
    )
    closures = [
        (code, shade, condition & (staff >= line))
        for shade, line in (("红", limits["red_closure_persons"]), ("橙", orange_staff), ("黄", yellow_staff))
        for code, condition in (("closure_deregistered", ended), ("closure_absent", closed & ~ended))
    ]
    foreseen = {shade: (PREDICTED, shade, _is_foreseen(limits, tint) & ~closed) for shade, tint in TINTS.items()}
    return [
        *closures[:2],
        ("loss_persons", "红", ~once & (lost >= limits["red_loss_persons"])),
        foreseen["红"],
        *closures[2:4],
        ("absent_once", "橙", once & ((lost >= limits["orange_loss_persons"]) | orange_share)),
        ("loss_persons", "橙", lost >= limits["orange_loss_persons"]),
        ("loss_ratio", "橙", orange_share),
        foreseen["橙"],
        *closures[4:],
        ("absent_once", "黄", once & ((lost >= limits["yellow_loss_persons"]) | yellow_share)),
        ("loss_persons", "黄", lost >= limits["yellow_loss_persons"]),
        ("loss_ratio", "黄", yellow_share),
        ("notice", "黄", pl.col("notice_cut_persons").is_not_null()),
        foreseen["黄"],
        ("reasons", "蓝", reasons & ~closed),
        foreseen["蓝"],
    ]


def _is_foreseen(limits: Mapping[str, int], tint: str) -> pl.Expr:
    """Probability and expected loss both reach their lines, compared as whole basis points and tenths of a person."""
    likely = (pl.col("probability") * 10_000).round() >= 100 * limits[f"predicted_{tint}_probability_pct"]
    large = (pl.col("expected_loss_persons") * 10).round() >= 10 * limits[f"predicted_{tint}_loss_persons"]
    return (likely & large).fill_null(value=False)
