"""创业贷 (clause 2): a guaranteed loan for small firms by the share of key groups newly hired."""

import polars as pl

from pipelines.parameters import Parameters
from pipelines.policy.conditions import ALIVE, INSURED, SMALL_OR_MICRO
from pipelines.policy.instrument import Condition, Instrument, Terms, Window


def _terms(parameters: Parameters) -> Terms:
    del parameters
    hired = pl.col("key_hired_persons")
    some = Condition(hired > 0, "近12个月没有新招用重点群体的记录", "重点群体招用月报")
    return Terms((ALIVE, INSURED, SMALL_OR_MICRO, some))


INSTRUMENT = Instrument(
    instrument_id="CYD",
    name="富民创业担保贷款",
    clause=2,
    beneficiary="企业",
    departments=("市人社局", "市农业农村局", "市政府办（金融工作）", "人行连云港市分行"),
    terms=_terms,
    benefit_kind="创业担保贷款",
    decides=None,
    apply=Window(note="向经办银行申请"),
    worth="小微企业上限400万元，个人上限50万元，是贷款额度不是补助",
    by_hand=(
        "新招重点群体达职工15%（100人以上8%），未达比例每新招1人10万元（连云港2023年口径）",
        "银行授信审查",
    ),
)
