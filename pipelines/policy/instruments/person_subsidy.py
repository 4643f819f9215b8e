"""社保补贴25% (clause 3): a quarter of a person's own premiums for a year, asked for by the firm."""

from datetime import date

import polars as pl

from pipelines.parameters import Parameters
from pipelines.policy import size
from pipelines.policy.conditions import ALIVE, SMALL_OR_MEDIUM
from pipelines.policy.instrument import Condition, Instrument, Terms, Window


def _terms(parameters: Parameters) -> Terms:
    trades = [f"{division:02d}" for division in range(13, 44)] + list(parameters["life_service_divisions"])
    in_trade = pl.any_horizontal(size.digits_of().str.starts_with(trade) for trade in trades)
    return Terms(
        (
            ALIVE,
            Condition(in_trade, "不属于制造业或生活服务业", "行业代码"),
            SMALL_OR_MEDIUM,
            Condition(
                pl.when(pl.col("graduates_hired_persons") > 0)
                .then(statement=True)
                .when((pl.col("graduates_hired_persons") == 0) & (pl.col("jobless_hired_persons") == 0))
                .then(statement=False),
                "2025年度没有招用高校毕业生、登记失业人员或脱贫人口的记录",
                "重点群体招用月报；所招人员登记失业是否满半年",
            ),
        ),
        amount_missing="所招人员的个人缴费额",
    )


INSTRUMENT = Instrument(
    instrument_id="SB25",
    name="高校毕业生等群体社会保险补贴25%",
    clause=3,
    beneficiary="个人",
    departments=("市人社局", "市工信局", "市民政局", "市财政局", "市卫健委", "市统计局", "市医保局"),
    terms=_terms,
    benefit_kind="社会保险补贴",
    decides="apply",
    behaviour=Window(date(2025, 1, 1), date(2025, 12, 31)),
    apply=Window(until=date(2025, 12, 31), note="企业申请，补贴直补到人"),
    pay=Window(until=date(2026, 12, 31), note="福建、苏州工业园区口径，本市未见"),
    worth="个人缴纳养老、医疗、失业保险费的25%，不超过12个月，发给个人",
    by_hand=(
        "签订1年以上劳动合同（福建口径，本市未见）",
        "人员为毕业年度或离校两年内未就业高校毕业生、登记失业半年以上人员、防止返贫监测对象",
    ),
    lives_on=(date(2026, 12, 31), "2025年底前已受理的，补贴发放至2026年12月31日（福建、苏州工业园区口径）"),
)
