"""五类下沉服务 (clause 13): policies, training, rights, insurance and fairs brought to exporters to the US at risk."""

import polars as pl

from pipelines.parameters import Parameters
from pipelines.policy.conditions import US_EXPORTER
from pipelines.policy.instrument import Condition, Instrument, Terms


def _terms(parameters: Parameters) -> Terms:
    del parameters
    warned = Condition(pl.col("is_warned"), "不在本期预警名单", "本期预警名单")
    return Terms((US_EXPORTER, warned))


INSTRUMENT = Instrument(
    instrument_id="FW5",
    name="五类下沉服务",
    clause=13,
    beneficiary="企业",
    departments=("市发改委", "市工信局", "市人社局", "市商务局", "市数据局", "连云港海关"),
    terms=_terms,
    decides=None,
    worth="就业政策、技能培训、劳动维权、社保衔接、专场招聘上门服务",
)
