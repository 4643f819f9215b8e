"""就业风险储备金 (clause 13): the city's own means for sudden wage arrears and unpaid premiums; no amount, no rule."""

from pipelines.parameters import Parameters
from pipelines.policy.conditions import never
from pipelines.policy.instrument import Instrument, Terms


def _terms(parameters: Parameters) -> Terms:
    del parameters
    return Terms((never("由市政府动用，企业不是申请主体；设立文件和使用规则未见发布"),))


INSTRUMENT = Instrument(
    instrument_id="CBJ",
    name="就业风险储备金",
    clause=13,
    beneficiary="政府",
    departments=("市财政局", "市人社局"),
    terms=_terms,
    is_founded=False,
    decides=None,
    for_enterprises=False,
    worth="没有金额和规则",
)
