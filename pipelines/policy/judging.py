"""Every instrument for every enterprise on one day, in one pass over columns."""

from collections.abc import Callable, Sequence
from datetime import date

import polars as pl

from pipelines.parameters import Parameters
from pipelines.policy import size
from pipelines.policy.facts import FACTS
from pipelines.policy.instrument import (
    DRAFT_SINCE,
    ELIGIBLE,
    EXPIRED,
    REFUSED,
    SUCCESSOR,
    UNKNOWN,
    Condition,
    Instrument,
    Terms,
)
from pipelines.policy.instruments import INSTRUMENTS

SCHEMA = {
    "enterprise_no": pl.Int64(),
    "instrument_id": pl.String(),
    "answer": pl.String(),
    "amount_fen": pl.Int64(),
    "deadline_on": pl.Date(),
    "failing_text": pl.String(),
    "missing_text": pl.String(),
    "basis_kind": pl.String(),
}
"""``amount_fen`` is indicative, null where it cannot be said (``missing_text`` says why); ``deadline_on`` is the last
day of the window that decides; ``failing_text`` is the first condition that fails, or why the day is none."""


def judge(
    facts: pl.DataFrame,
    as_of: date,
    *,
    parameters: Callable[[date], Parameters],
    instruments: Sequence[Instrument] = tuple(INSTRUMENTS.values()),
) -> pl.DataFrame:
    """The answer of each instrument for each row of ``facts`` (columns ``FACTS``), instrument by instrument.

    ``parameters`` gives the numbers of a day: those of the behaviour that is being paid for, not of the day asked.
    """
    facts = size.added(facts.select(list(FACTS)))
    answers = [
        facts.select(_columns(one, as_of, parameters)).cast(SCHEMA)  # type: ignore[arg-type]
        for one in instruments
    ]
    return pl.concat(answers) if answers else pl.DataFrame(schema=SCHEMA)


def _columns(one: Instrument, as_of: date, parameters: Callable[[date], Parameters]) -> list[pl.Expr]:
    standing = one.standing(as_of)
    if standing is None:
        terms = one.terms(parameters(one.rule_day(as_of)))
        answer = _answer(terms.conditions)
        amount = pl.lit(None, pl.Int64) if terms.amount is None else pl.when(answer == ELIGIBLE).then(terms.amount)
        failing, missing = _failing(terms.conditions), _missing(terms, answer, amount)
        basis = _basis(one, terms)
    else:
        answer, amount, basis = pl.lit(standing), pl.lit(None, pl.Int64), pl.lit(one.basis.kind)
        failing, missing = pl.lit(state_text(one, as_of)), pl.lit(None, pl.String)
    return [
        pl.col("enterprise_no"),
        pl.lit(one.instrument_id).alias("instrument_id"),
        answer.alias("answer"),
        amount.alias("amount_fen"),
        pl.lit(one.window.until, pl.Date).alias("deadline_on"),
        failing.alias("failing_text"),
        missing.alias("missing_text"),
        basis.alias("basis_kind"),
    ]


def _answer(conditions: Sequence[Condition]) -> pl.Expr:
    """Refused where one fails, else unknown where one is open."""
    holds = [condition.holds for condition in conditions]
    every = pl.all_horizontal(holds)
    return pl.when(every).then(pl.lit(ELIGIBLE)).when(~every).then(pl.lit(REFUSED)).otherwise(pl.lit(UNKNOWN))


def _failing(conditions: Sequence[Condition]) -> pl.Expr:
    """The first condition that fails."""
    found = pl.lit(None, pl.String)
    for condition in reversed(conditions):
        found = pl.when(~condition.holds).then(pl.lit(condition.fails)).otherwise(found)
    return found


def _missing(terms: Terms, answer: pl.Expr, amount: pl.Expr) -> pl.Expr:
    """Data that are missing for the answer, or, of an eligible enterprise, for its amount."""
    open_ = [
        pl.when(condition.holds.is_null()).then(pl.lit(condition.missing))
        for condition in terms.conditions
        if condition.missing
    ]
    listed = pl.concat_str(open_, separator="；", ignore_nulls=True) if open_ else pl.lit("")
    of_amount = pl.lit(None, pl.String)
    if terms.amount_missing:
        of_amount = pl.when((answer == ELIGIBLE) & amount.is_null()).then(pl.lit(f"金额待定：{terms.amount_missing}"))
    return pl.when(answer == UNKNOWN).then(listed).otherwise(of_amount)


def _basis(one: Instrument, terms: Terms) -> pl.Expr:
    usual = pl.lit(one.basis.kind)
    if one.issued is None or terms.issued_where is None:
        return usual
    return pl.when(terms.issued_where).then(pl.lit(one.issued.kind)).otherwise(usual)


def state_text(one: Instrument, as_of: date) -> str:
    """Why the day alone answers: what is over since when and what of it lives on, or when it begins."""
    if one.standing(as_of) == EXPIRED:
        lives = one.lives_on
        rest = f"；{lives[1]}" if lives and as_of <= lives[0] else ""
        return f"执行期至{one.window.until}，{SUCCESSOR}{rest}"
    return f"征求意见稿针对{DRAFT_SINCE.year}年及以后，此前不作判断"
