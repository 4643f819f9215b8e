"""What help each enterprise may have on the day of the edition, and how many more departures its refund bears."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from pipelines import formats, parameters
from pipelines.contracts import read_sql
from pipelines.policy import judging, layoff_rate
from pipelines.policy.facts import FACTS
from pipelines.policy.instrument import DRAFT_SINCE, DRAFT_TEXT, ELIGIBLE, UNKNOWN, Instrument, Window
from pipelines.policy.instruments import INSTRUMENTS
from pipelines.run import Run
from pipelines.warehouse import Warehouse

POLICIES = "连云港征求意见稿"
"""The measures that the instruments are of; a set of feeds names them, or has none."""
RECEIVED = (
    "SELECT enterprise_no, benefit_kind, max(paid_on) AS received_on FROM core.policy_benefit "
    "WHERE benefit_status IN ('已批准', '已发放') AND paid_on >= $since::DATE AND paid_on <= $as_of::DATE "
    "GROUP BY enterprise_no, benefit_kind"
)


@dataclass(frozen=True)
class Help:
    """What the list says of each listed enterprise, by its number: help in one text, and the refund's margin."""

    texts: Mapping[int, str]
    margins: Mapping[int, int]

    def of(self, enterprise_no: int) -> dict[str, Any]:
        """The two columns of ``edition.warning``."""
        return {
            "policy_text": self.texts[enterprise_no],
            "refund_margin_persons": self.margins.get(enterprise_no),
        }


def store(run: Run, warehouse: Warehouse, listed: Sequence[int], *, edition_id: str, month: date | None) -> Help:
    """Fill ``edition.policy_instrument``, ``policy_answer`` and ``refund_margin``; gives what the list says."""
    as_of = run.as_of
    ours = list(INSTRUMENTS.values()) if run.contracts.feed_set.policies == POLICIES else []
    asked = [one for one in ours if _is_judged(one, as_of)]
    facts = _facts(run, warehouse, listed, month) if ours else pl.DataFrame(schema=dict(FACTS))
    answers = judging.judge(facts, as_of, parameters=parameters.load, instruments=asked)
    kinds = {one.instrument_id: one.benefit_kind for one in asked}
    received = warehouse.frame(RECEIVED, as_of=as_of, since=DRAFT_SINCE)
    answered = answers.with_columns(
        pl.col("instrument_id").replace_strict(kinds, return_dtype=pl.String).alias("benefit_kind")
    ).join(received, on=["enterprise_no", "benefit_kind"], how="left", maintain_order="left")
    warehouse.store("edition.policy_answer", answered.rename({"answer": "policy_answer"}))
    version = str(run.parameters["layoff_rate_version"])
    margins = facts.select(
        "enterprise_no",
        layoff_rate.rate(version).alias("layoff_rate_ratio"),
        layoff_rate.margin(version).alias("refund_margin_persons"),
    )
    warehouse.store("edition.refund_margin", margins)
    rows = [_instrument(one, as_of, edition_id) for one in ours]
    schema = run.contracts.polars_schema("edition.policy_instrument")
    warehouse.store("edition.policy_instrument", pl.DataFrame(rows, schema=schema, orient="row"))
    own = answered.filter(pl.col("enterprise_no").is_in(listed)).partition_by("enterprise_no", as_dict=True)
    told = margins.filter(pl.col("enterprise_no").is_in(listed)).drop_nulls("refund_margin_persons")
    return Help(
        {n: _text(own[n,].to_dicts(), as_of) if (n,) in own else _silence(ours) for n in listed},
        dict(zip(told["enterprise_no"].to_list(), told["refund_margin_persons"].to_list(), strict=True)),
    )


def _silence(ours: Sequence[Instrument]) -> str:
    """Why nothing is said of anyone."""
    return f"征求意见稿针对{DRAFT_SINCE.year}年及以后，此前不作判断" if ours else "这套数据没有约定适用的政策"


def _text(answers: Sequence[Mapping[str, Any]], as_of: date) -> str:
    """Help that an enterprise may have, in the order of the clauses, and what stays open."""
    given = [
        INSTRUMENTS[answer["instrument_id"]].name + _terms(answer, as_of)
        for answer in answers
        if answer["answer"] == ELIGIBLE
    ]
    unknown = sum(answer["answer"] == UNKNOWN for answer in answers)
    rest = [f"另有{unknown}项缺少数据，见“可享政策”表"] if unknown else []
    return "；".join([*(given or ["没有数据可判断为符合条件的政策"]), *rest]) + f"（{DRAFT_TEXT}）"


def _terms(answer: Mapping[str, Any], as_of: date) -> str:
    amount = [f"测算{formats.yuan(answer['amount_fen'])}"] if answer["amount_fen"] else []
    end = [INSTRUMENTS[answer["instrument_id"]].deadline(as_of)] if answer["deadline_on"] else []
    had = [f"{answer['received_on']}有同类发放记录"] if answer["received_on"] else []
    told = "，".join([*amount, *end, *had])
    return f"（{told}）" if told else ""


def _facts(run: Run, warehouse: Warehouse, listed: Sequence[int], month: date | None) -> pl.DataFrame:
    hiring = INSTRUMENTS["KGBZ"].behaviour
    return warehouse.frame(
        read_sql("edition/policy_facts"),
        as_of=run.as_of,
        year=run.as_of.year,
        reference_month=month,
        listed=list(listed),
        hired_since=hiring.since,
        hired_until=hiring.until,
    )


def _is_judged(one: Instrument, as_of: date) -> bool:
    return one.for_enterprises and one.standing(as_of) is None


def _open_text(one: Instrument) -> str:
    """What to know of an instrument within its days."""
    if not one.is_founded:
        return "探索或适时设立，细则未见发布"
    return "按数据逐家判断" if one.for_enterprises else "没有数据源可逐家判断，须人工核对"


def _instrument(one: Instrument, as_of: date, edition_id: str) -> dict[str, Any]:
    return {
        "edition_id": edition_id,
        "instrument_id": one.instrument_id,
        "instrument_name": one.name,
        "clause_no": one.clause,
        "beneficiary": one.beneficiary,
        "instrument_state": one.state(as_of),
        "ends_on": one.window.until,
        "deadline_text": one.deadline(as_of),
        "is_judged": _is_judged(one, as_of),
        "worth_text": one.worth or "未注明",
        "by_hand_text": "；".join(one.by_hand) or "无",
        "windows_text": "；".join(
            f"{name}：{_window(window)}"
            for name, window in (("发生", one.behaviour), ("申请", one.apply), ("发放", one.pay))
        ),
        "state_text": judging.state_text(one, as_of) if one.standing(as_of) else _open_text(one),
        "basis_text": "；".join(basis.text for basis in (one.basis, one.issued) if basis),
        "departments_text": "、".join(one.departments),
    }


def _window(window: Window) -> str:
    """A window in words: days, note, or that no text says."""
    days = " 至 ".join(str(day) if day else "未注明" for day in (window.since, window.until))
    told = [days] if window.since or window.until else []
    return "，".join([*told, *([window.note] if window.note else [])]) or "未注明"
