"""零工市场建设补助 (clause 9): for who builds a market, by cost."""

from pipelines.parameters import Parameters
from pipelines.policy.conditions import never
from pipelines.policy.instrument import Instrument, Terms


def _terms(parameters: Parameters) -> Terms:
    del parameters
    return Terms((never("面向零工市场建设单位，一般企业不是申请主体"),))


INSTRUMENT = Instrument(
    instrument_id="LGSC",
    name="零工市场一次性建设补助",
    clause=9,
    beneficiary="建设单位",
    departments=("市人社局", "市财政局"),
    terms=_terms,
    decides=None,
    for_enterprises=False,
    worth="按实际建设成本，征求意见稿没有标准",
)
