"""阶段性缓缴 (clause 1): the employer's part of pension, unemployment and injury premiums later, without late fee."""

from datetime import date

import polars as pl

from pipelines.parameters import Parameters
from pipelines.policy.conditions import ALIVE, INSURED
from pipelines.policy.instrument import Condition, Instrument, Terms, Window


def _terms(parameters: Parameters) -> Terms:
    del parameters
    hit = pl.when(pl.col("is_us_exporter")).then(statement=True)
    return Terms(
        (ALIVE, INSURED, Condition(hit, "", "受关税影响较大的认定（征求意见稿没有办法；涉美出口企业先行申请）"))
    )


INSTRUMENT = Instrument(
    instrument_id="HJ3",
    name="阶段性缓缴社会保险费",
    clause=1,
    beneficiary="企业",
    departments=("市人社局", "市商务局", "市财政局", "市税务局"),
    terms=_terms,
    benefit_kind="缓缴社会保险费",
    decides="behaviour",
    behaviour=Window(until=date(2025, 12, 31)),
    apply=Window(note="企业申请"),
    pay=Window(note="补缴期限本省未见规定；漳州为2026年12月底前"),
    worth="养老、失业、工伤保险单位应缴部分暂缓，免收滞纳金；不是减免",
    by_hand=("受关税影响较大", "生产经营确有困难"),
    lives_on=(date(2026, 12, 31), "已缓缴的须补缴；漳州口径为2026年12月底前，本省期限请核实"),
)
