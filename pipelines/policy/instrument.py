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
DRAFT_SINCE = date(2025, 1, 1)
"""The draft speaks of 2025 and later; of days before nothing is said."""
DRAFT_RUNNING, UNFOUNDED = "征求意见稿期内", "未设立"
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


DRAFTED = Basis("征求意见稿", DRAFT_TEXT)


@dataclass(frozen=True)
class Terms:
    """A rule on one day: what must hold, what it is worth, what a person must still look at.

    ``amount`` is fen, or null where it cannot be said, with ``amount_missing`` then; for enterprises for
    which ``issued_where`` holds the instrument rests on its issued text.
    """

    conditions: tuple[Condition, ...]
    amount: pl.Expr | None = None
    amount_missing: str = ""
    issued_where: pl.Expr | None = None


@dataclass(frozen=True)
class Instrument:
    """One instrument: ``decides`` names the window whose end ends it; ``terms`` are pure in parameters of a day.

    ``worth`` is the amount in words, ``by_hand`` what no feed tells, ``lives_on`` what of it goes on after its end and
    until when, ``benefit_kind`` what records of payments call it;
    ``for_enterprises`` is whether data can tell enterprises apart at all, ``is_founded`` whether it exists yet.
    ``issued`` is the issued text behind ``issued_where`` of its terms, ``numbers`` the parameters that text needs.
    """

    instrument_id: str
    name: str
    clause: int
    beneficiary: Literal["企业", "企业和个人", "个人", "建设单位", "政府"]
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
    is_founded: bool = True
    issued: Basis | None = None
    numbers: tuple[str, ...] = ()

    @property
    def window(self) -> Window:
        """The window that decides."""
        windows: Mapping[str, Window] = {"behaviour": self.behaviour, "apply": self.apply, "pay": self.pay}
        return windows[self.decides] if self.decides else Window()

    def standing(self, day: date) -> str | None:
        """``已到期`` or ``尚未开始`` where the day alone answers, else None."""
        if self.window.until and day > self.window.until:
            return EXPIRED
        return EARLY if day < DRAFT_SINCE else None

    def state(self, day: date) -> str:
        """How it stands on ``day``, in a word; nothing of a draft is in force."""
        return self.standing(day) or (DRAFT_RUNNING if self.is_founded else UNFOUNDED)

    def deadline(self, day: date) -> str:
        """The last day in words, and of what: who hires after the window of hiring has nothing of that of payment."""
        last = self.window.until
        if last is None:
            return "未注明"
        happened = self.behaviour.until
        is_paid_only = self.decides == "pay" and happened is not None and happened < day
        return f"{happened}及以前发生的，发放至{last}" if is_paid_only else f"至{last}"

    def rule_day(self, day: date) -> date:
        """The day whose numbers apply: ``day``, or the last day of the behaviour that is being paid for."""
        return min(day, self.behaviour.until) if self.behaviour.until else day
