"""吸纳重点群体社保补贴 (clause 1): 按规定, without a number in the draft."""

import polars as pl

from pipelines.parameters import Parameters
from pipelines.policy.conditions import ALIVE, SMALL_OR_MEDIUM
from pipelines.policy.instrument import Condition, Instrument, Terms


def _terms(parameters: Parameters) -> Terms:
    del parameters
    hired = Condition(pl.col("key_hired_persons") > 0, "近12个月没有招用重点群体的记录", "重点群体招用月报")
    return Terms((ALIVE, SMALL_OR_MEDIUM, hired), amount_missing="补贴标准（征求意见稿只写“按规定”）")


INSTRUMENT = Instrument(
    instrument_id="SBBT_ZD",
    name="吸纳重点群体社会保险补贴",
    clause=1,
    beneficiary="企业和个人",
    departments=("市人社局", "市财政局"),
    terms=_terms,
    decides=None,
    worth="按规定，征求意见稿没有标准",
    by_hand=("所招人员属于重点群体并缴纳社会保险费",),
)
