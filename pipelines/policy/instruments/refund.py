"""失业保险稳岗返还 (clause 1): part of last year's unemployment premiums back, more for exporters to the US."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from pipelines.parameters import Parameters
from pipelines.policy import layoff_rate
from pipelines.policy.conditions import ALIVE, NOT_DISHONEST
from pipelines.policy.instrument import Basis, Condition, Instrument, Terms, Window

_HUNDRED, _HALF = 100, 50
ISSUED_TEXT = Basis("已发布文件", "人社部发〔2025〕18号（一般企业比例；文本转载，未见原件）")


def refund_fen(premium_fen: pl.Expr, rate_pct: pl.Expr) -> pl.Expr:
    """The refund in fen, half a fen up: which rounding is meant no text says; published rows hold no tie."""
    return (premium_fen * rate_pct + _HALF).floordiv(_HUNDRED).cast(pl.Int64)


def _rate(usual: Mapping[str, int], raised: Mapping[str, int]) -> pl.Expr:
    by_size = [
        pl.when(~pl.col("is_sme")).then(rate["大型"]).when(pl.col("is_sme")).then(rate["中小微"])
        for rate in (usual, raised)
    ]
    return pl.when(~pl.col("is_us_exporter")).then(by_size[0]).when(pl.col("is_us_exporter")).then(by_size[1])


def _terms(parameters: Parameters) -> Terms:
    version = str(parameters["layoff_rate_version"])
    months = int(parameters["refund_min_premium_months"])
    limit = layoff_rate.versions()[version]
    conditions = (
        ALIVE,
        NOT_DISHONEST,
        Condition(
            pl.when(~pl.col("is_labour_agency")).then(statement=True), "", "劳务派遣单位的申请材料（须按用工协议返还）"
        ),
        Condition(
            pl.col("premium_months") >= months, f"上年度足额缴纳失业保险费不满{months}个月", "上年度各月失业保险缴费"
        ),
        Condition(
            layoff_rate.passes(version, is_large=~pl.col("is_sme")),
            f"上年度裁员率高于{limit.limit:g}%（30人及以下高于{limit.small_limit:g}%）",
            "上年度1月和12月参保人数、月均人数",
        ),
    )
    usual, raised = parameters["refund_rate_pct"], parameters["refund_rate_us_exporter_pct"]
    return Terms(
        conditions,
        amount=refund_fen(pl.col("premium_fen"), _rate(usual, raised)),
        amount_missing="企业规模或涉美出口认定",
        issued_where=~pl.col("is_us_exporter"),
    )


INSTRUMENT = Instrument(
    issued=ISSUED_TEXT,
    numbers=("layoff_rate_version", "refund_min_premium_months", "refund_rate_pct"),
    instrument_id="WGFH",
    name="失业保险稳岗返还",
    clause=1,
    beneficiary="企业",
    departments=("市人社局", "市商务局", "市财政局", "市税务局"),
    terms=_terms,
    benefit_kind="稳岗返还",
    decides="apply",
    behaviour=Window(note="保费与裁员率都看上一自然年"),
    apply=Window(until=date(2025, 12, 31), note="免申即享；劳务派遣单位需申请"),
    pay=Window(note="随审核发放"),
    worth="上年度实际缴纳失业保险费的30%（大型）、60%（中小微）；涉美出口企业50%、90%",
    by_hand=("不属于僵尸企业",),
)
