"""一次性扩岗补助 (clause 1): a sum per graduate or unemployed youth hired in 2025, paid in 2026."""

from datetime import date

import polars as pl

from pipelines.parameters import Parameters
from pipelines.policy.conditions import ALIVE
from pipelines.policy.instrument import Condition, Instrument, Terms, Window


def _terms(parameters: Parameters) -> Terms:
    persons = pl.col("expansion_hired_persons")
    return Terms(
        (
            ALIVE,
            Condition(persons > 0, "2025年度没有招用高校毕业生或登记失业青年的记录", "重点群体招用月报"),
        ),
        amount=persons * int(parameters["expansion_subsidy_yuan"]) * 100,
    )


INSTRUMENT = Instrument(
    instrument_id="KGBZ",
    name="一次性扩岗补助",
    clause=1,
    beneficiary="企业",
    departments=("市人社局", "市财政局"),
    terms=_terms,
    benefit_kind="一次性扩岗补助",
    decides="pay",
    behaviour=Window(date(2025, 1, 1), date(2025, 12, 31)),
    apply=Window(note="免申即享，企业网上确认，逾期视为放弃"),
    pay=Window(date(2026, 1, 1), date(2026, 12, 31), "2025年度招用的在2026年度发放"),
    worth="1500元/人",
    by_hand=(
        "失业、工伤、职工养老保险足额缴满3个月且审核时正常参保",
        "毕业年度或离校两年内、16至24岁登记失业",
        "每人只享受一次，不与一次性吸纳就业补贴、见习留用补贴重复",
    ),
)
