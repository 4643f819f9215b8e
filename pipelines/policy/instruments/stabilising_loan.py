"""云岗助贷 (clause 2): a bank's line of up to 50 million yuan for who keeps jobs."""

import polars as pl

from pipelines.parameters import Parameters
from pipelines.policy.conditions import ALIVE, INSURED, SMALL_OR_MICRO
from pipelines.policy.instrument import Condition, Instrument, Terms, Window


def _terms(parameters: Parameters) -> Terms:
    limit = float(parameters["stabilising_loan_max_loss_pct"])
    kept = Condition(
        pl.col("insured_change_12m_ratio") > -limit / 100,
        f"近12个月参保人数减少达到{limit:g}%（全国口径要求低于）",
        "12个月前的参保人数",
    )
    return Terms((ALIVE, INSURED, SMALL_OR_MICRO, kept))


INSTRUMENT = Instrument(
    instrument_id="YGZD",
    name="云岗助贷",
    clause=2,
    beneficiary="企业",
    departments=("市人社局", "市农业农村局", "市政府办（金融工作）", "人行连云港市分行"),
    terms=_terms,
    benefit_kind="云岗助贷",
    decides=None,
    apply=Window(note="向银行申请"),
    worth="单户授信上限5000万元（原3000万元），是贷款额度不是补助",
    by_hand=("银行授信审查",),
)
