"""劳务品牌贷 (clause 2): to be explored, without amount or rule."""

from pipelines.parameters import Parameters
from pipelines.policy.conditions import untold
from pipelines.policy.instrument import Instrument, Terms


def _terms(parameters: Parameters) -> Terms:
    del parameters
    return Terms((untold("实施细则（征求意见稿为探索设立，没有额度和条件）"),))


INSTRUMENT = Instrument(
    instrument_id="PPD",
    name="劳务品牌贷",
    clause=2,
    beneficiary="企业",
    departments=("市人社局", "市农业农村局", "市政府办（金融工作）", "人行连云港市分行"),
    terms=_terms,
    is_founded=False,
    for_enterprises=False,
    decides=None,
    worth="没有额度",
)
