"""国企一次性增人增资 (clause 6): for state-owned firms, to the end of 2026."""

from datetime import date

from pipelines.parameters import Parameters
from pipelines.policy.conditions import ALIVE, untold
from pipelines.policy.instrument import Instrument, Terms, Window


def _terms(parameters: Parameters) -> Terms:
    del parameters
    return Terms((ALIVE, untold("是否国有企业（无数据源）")))


INSTRUMENT = Instrument(
    instrument_id="GQZR",
    name="国有企业一次性增人增资",
    clause=6,
    beneficiary="企业",
    departments=("市教育局", "市财政局", "市人社局", "市委社工部", "市农业农村局", "市卫健委", "市国资委", "市总工会"),
    terms=_terms,
    for_enterprises=False,
    decides="behaviour",
    behaviour=Window(until=date(2026, 12, 31)),
    worth="征求意见稿没有标准",
)
