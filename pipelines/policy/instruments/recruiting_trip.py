"""派员外出招聘补贴 (clause 8): travel and lodging of who is sent to a recruiting event of the bureau."""

from datetime import date

from pipelines.parameters import Parameters
from pipelines.policy.conditions import ALIVE, INSURED
from pipelines.policy.instrument import Instrument, Terms, Window


def _terms(parameters: Parameters) -> Terms:
    del parameters
    return Terms((ALIVE, INSURED), amount_missing="派出人数和实际交通食宿费用")


INSTRUMENT = Instrument(
    instrument_id="ZPBT",
    name="派员外出招聘补贴",
    clause=8,
    beneficiary="企业",
    departments=("市人社局", "市财政局"),
    terms=_terms,
    benefit_kind="派员招聘补贴",
    decides="behaviour",
    behaviour=Window(until=date(2027, 12, 31)),
    worth="按实际交通食宿成本，省内每人不超过1000元，省外每人不超过3000元",
    by_hand=("参加人社部门组织的赴外招聘",),
)
