"""首次来连/回连一次性补助 (clause 8): a sum to the firm per newcomer to the city, or returner."""

from datetime import date

from pipelines.parameters import Parameters
from pipelines.policy.conditions import ALIVE, INSURED, untold
from pipelines.policy.instrument import Instrument, Terms, Window


def _terms(parameters: Parameters) -> Terms:
    del parameters
    return Terms((ALIVE, INSURED, untold("首次来连、首次回连就业人员名单（无数据源）")))


INSTRUMENT = Instrument(
    instrument_id="SCLL",
    name="首次来连、回连就业一次性补助",
    clause=8,
    beneficiary="企业",
    departments=("市人社局", "市财政局"),
    terms=_terms,
    for_enterprises=False,
    decides="behaviour",
    behaviour=Window(until=date(2027, 12, 31)),
    worth="1000元/人，发给企业",
)
