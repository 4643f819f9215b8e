"""职业技能提升培训 (clause 10): subsidised training, among others for staff of firms hit by shocks from outside."""

from datetime import date

import polars as pl

from pipelines.parameters import Parameters
from pipelines.policy.conditions import ALIVE, INSURED
from pipelines.policy.instrument import Condition, Instrument, Terms, Window


def _terms(parameters: Parameters) -> Terms:
    del parameters
    hit = pl.when(pl.col("is_us_exporter")).then(statement=True)
    return Terms((ALIVE, INSURED, Condition(hit, "", "参训人员属于九类群体的证明（非涉美出口企业逐人核对）")))


INSTRUMENT = Instrument(
    instrument_id="PX",
    name="大规模职业技能提升培训",
    clause=10,
    beneficiary="企业",
    departments=(
        "市人社局",
        "市发改委",
        "市工信局",
        "市教育局",
        "市民政局",
        "市财政局",
        "市住建局",
        "市交通局",
        "市农业农村局",
        "市商务局",
        "市文广旅局",
        "市卫健委",
        "市退役军人局",
        "市应急管理局",
        "市医保局",
        "市总工会",
        "团市委",
        "市妇联",
        "市残联",
        "各在连院校",
    ),
    terms=_terms,
    benefit_kind="职业培训补贴",
    decides="behaviour",
    behaviour=Window(date(2025, 1, 1), date(2027, 12, 31)),
    worth="补贴性培训，全市2025至2027年10万人次，征求意见稿没有补贴标准",
)
