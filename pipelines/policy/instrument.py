"""What a rule is made of: three windows, conditions that may be unknown, an amount, a basis, who is responsible."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from pipelines.parameters import Parameters

ELIGIBLE, REFUSED, UNKNOWN, EXPIRED, EARLY = "符合条件", "不符合条件", "缺少数据", "已到期", "尚未开始"
DRAFT, ISSUED = "征求意见稿", "已发布文件"
DRAFT_TEXT = "依据征求意见稿，以正式文件为准"
SUCCESSOR = "后续政策未见发布"
Which = Literal["behaviour", "apply", "pay"]


@dataclass(frozen=True)
class Window:
    """Days on which something must happen; ``until`` is the last of them. None is: no text says so."""

    since: date | None = None
    until: date | None = None
    note: str = ""


@dataclass(frozen=True)
class Condition:
    """``holds`` is true, false, or null where ``missing`` is not known; ``fails`` tells a person what does not hold."""

    holds: pl.Expr
    fails: str
    missing: str


@dataclass(frozen=True)
class Basis:
    """A text that a rule rests on; only an issued one may be told to an enterprise."""

    kind: Literal["征求意见稿", "已发布文件"]
    text: str
    standing: Literal["verified", "memory", "assumption"]


DRAFTED = Basis("征求意见稿", DRAFT_TEXT, "verified")


@dataclass(frozen=True)
class Terms:
    """A rule on one day: what must hold, what it is worth, what a person must still look at.

    ``amount`` is fen, or null where it cannot be said, with ``amount_missing`` then; ``issued`` is the basis of the
    enterprises for which ``issued_where`` holds.
    """

    conditions: tuple[Condition, ...]
    amount: pl.Expr | None = None
    amount_missing: str = ""
    issued: Basis | None = None
    issued_where: pl.Expr | None = None


@dataclass(frozen=True)
class Instrument:
    """One instrument: ``decides`` names the window whose end ends it; ``terms`` are pure in parameters of a day.

    ``worth`` is the amount in words, ``by_hand`` what no feed tells, ``lives_on`` what of it goes on after its end and
    until when, ``benefit_kind`` what records of payments call it;
    ``for_enterprises`` is whether an enterprise is asked about at all.
    """

    instrument_id: str
    name: str
    clause: int
    beneficiary: Literal["企业", "个人", "政府"]
    departments: tuple[str, ...]
    terms: Callable[[Parameters], Terms]
    decides: Which | None
    behaviour: Window = Window()
    apply: Window = Window()
    pay: Window = Window()
    worth: str = ""
    by_hand: tuple[str, ...] = ()
    lives_on: tuple[date, str] | None = None
    basis: Basis = DRAFTED
    benefit_kind: str | None = None
    for_enterprises: bool = True

    @property
    def window(self) -> Window:
        """The window that decides."""
        windows: Mapping[str, Window] = {"behaviour": self.behaviour, "apply": self.apply, "pay": self.pay}
        return windows[self.decides] if self.decides else Window()

    def standing(self, day: date) -> str | None:
        """``已到期`` or ``尚未开始`` where the day alone answers, else None."""
        if self.window.until and day > self.window.until:
            return EXPIRED
        return EARLY if self.begins and day < self.begins else None

    @property
    def begins(self) -> date | None:
        """The first day on which it can be asked for."""
        return max((w.since for w in (self.behaviour, self.window) if w.since), default=None)

    def rule_day(self, day: date) -> date:
        """The day whose numbers apply: ``day``, or the last day of the behaviour that is being paid for."""
        return min(day, self.behaviour.until) if self.behaviour.until else day
