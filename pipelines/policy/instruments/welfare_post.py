"""临时性公益性岗位 (clause 7): posts for who lost a job at an exporter to the US, and for graduates."""

from datetime import date

from pipelines.parameters import Parameters
from pipelines.policy.conditions import US_EXPORTER
from pipelines.policy.instrument import Instrument, Terms, Window


def _terms(parameters: Parameters) -> Terms:
    del parameters
    return Terms((US_EXPORTER,))


INSTRUMENT = Instrument(
    instrument_id="GYX",
    name="临时性公益性岗位",
    clause=7,
    beneficiary="个人",
    departments=("市人社局", "市财政局"),
    terms=_terms,
    benefit_kind="公益性岗位补贴",
    decides="behaviour",
    behaviour=Window(until=date(2025, 12, 31)),
    worth="全市储备不少于5600个岗位，安置失业职工，不发给企业",
    by_hand=("本人已失业并经认定",),
)
