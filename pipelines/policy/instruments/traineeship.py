"""就业见习 (clause 6): 5,000 posts a year; trainees may be insured against injury."""

from pipelines.parameters import Parameters
from pipelines.policy.conditions import ALIVE, untold
from pipelines.policy.instrument import Instrument, Terms


def _terms(parameters: Parameters) -> Terms:
    del parameters
    return Terms((ALIVE, untold("见习单位认定（无数据源）")))


INSTRUMENT = Instrument(
    instrument_id="JX",
    name="就业见习",
    clause=6,
    beneficiary="企业",
    departments=("市人社局", "市财政局"),
    terms=_terms,
    for_enterprises=False,
    benefit_kind="就业见习补贴",
    decides=None,
    worth="全市每年5000个见习岗位，征求意见稿没有补贴标准",
    by_hand=("见习人员可纳入工伤保险",),
)
