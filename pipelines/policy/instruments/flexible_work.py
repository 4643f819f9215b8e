"""灵活就业社保补贴 (clause 9): for persons, by matching data of departments; no number."""

from pipelines.parameters import Parameters
from pipelines.policy.conditions import never
from pipelines.policy.instrument import Instrument, Terms


def _terms(parameters: Parameters) -> Terms:
    del parameters
    return Terms((never("面向灵活就业人员个人，企业不是申请主体"),))


INSTRUMENT = Instrument(
    instrument_id="LHJY",
    name="灵活就业社会保险补贴",
    clause=9,
    beneficiary="个人",
    departments=("市人社局", "市财政局", "市数据局"),
    terms=_terms,
    decides=None,
    for_enterprises=False,
    worth="按规定，征求意见稿没有标准",
)
