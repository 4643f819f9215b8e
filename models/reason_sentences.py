"""One Chinese sentence per reason: number, period and source, no jargon of models.

Pure: a row of features in, a sentence out. A sentence says what a department recorded and does not judge.
"""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from models import source_sentences
from models.reason_words import USD_CENT_PER_WAN, day_text, month_text, percent, signed_percent, span_text, wan, yuan

Row = Mapping[str, Any]


def sentence(code: str, row: Row) -> str:
    """The sentence of reason ``code`` for the features ``row``; raises ``KeyError`` for a code that cannot fire."""
    return SENTENCES[code](row)


def sentences(reasons: pl.DataFrame, features: pl.DataFrame) -> pl.Series:
    """``reason_sentence`` of each row of ``reasons``, from ``features`` (key enterprise_no, as for the score)."""
    if reasons.is_empty():
        return pl.Series("reason_sentence", [], dtype=pl.String)
    rows = reasons.select("enterprise_no", "reason_code").join(
        features, on="enterprise_no", how="left", maintain_order="left"
    )
    return pl.Series("reason_sentence", [SENTENCES[row["reason_code"]](row) for row in rows.iter_rows(named=True)])


def _decline(row: Row) -> str:
    start, end = row["decline_run_start_month"], row["decline_run_end_month"]
    later = f"{end.month}月" if end.year == start.year else month_text(end)
    return (
        f"参保人数{month_text(start)}{row['decline_run_start_persons']}人→{later}{row['decline_run_end_persons']}人"
        f"（{signed_percent(-row['decline_run_ratio'])}），连续{row['decline_run_months']}个月下降（来源：社保）"
    )


def _net_of(row: Row) -> str:
    """What was taken off the plain difference of two months, in words."""
    festival = row["gross_loss_persons"] != max(row["previous_insured_persons"] - row["insured_persons"], 0)
    parts = ["春节因素"] if festival else []
    parts += [f"整体转移{row['transfer_persons']}人"] if row["transfer_persons"] else []
    return f"扣除{'和'.join(parts)}后" if parts else ""


def _net_loss(row: Row) -> str:
    return (
        f"{_net_of(row)}单月净减少{row['net_loss_persons']}人（{signed_percent(-row['net_loss_ratio'])}，"
        f"{month_text(row['reference_month'])}，来源：社保）"
    )


def _large_loss(row: Row) -> str:
    if (row["absent_months"] or 0) >= 1:
        moved = row["transfer_3m_persons"]
        return (
            f"截至{month_text(row['reference_month'])}连续{row['absent_months']}个月无参保记录，"
            f"此前参保{row['last_insured_persons']}人{f'，其中整体转移{moved}人' if moved else ''}（来源：社保）"
        )
    before, month = row["previous_insured_persons"], row["reference_month"]
    return (
        f"{month_text(month)}参保人数由上月{before}人减至{row['insured_persons']}人，"
        f"{_net_of(row)}净减少{row['net_loss_persons']}人（{signed_percent(-row['net_loss_ratio'])}，来源：社保）"
    )


def _joiners(row: Row) -> str:
    period = span_text(row["reference_month"], months=3)
    return f"{period}新增参保0人，上年同期{row['joiners_3m_year_ago_persons']}人（来源：社保）"


def _high_base(row: Row) -> str:
    return (
        f"{span_text(row['reference_month'], months=3)}停保{row['leavers_3m_persons']}人，"
        f"其中高缴费基数人员{row['high_base_leavers_3m_persons']}人，"
        f"离职率为全体的{row['high_base_leaver_excess_ratio']:.1f}倍（来源：社保）"
    )


def _dispatch(row: Row) -> str:
    change = signed_percent(row["dispatch_change_1m_ratio"])
    return f"{month_text(row['monitor_month'])}劳务派遣用工环比{change}（来源：失业动态监测）"


def _idle(row: Row) -> str:
    return (
        f"{month_text(row['monitor_month'])}待岗{row['idle_persons_latest']}人，"
        f"占期末就业人数{percent(row['idle_ratio'])}（来源：失业动态监测）"
    )


def _monitor_loss(row: Row) -> str:
    return f"{month_text(row['monitor_month'])}岗位净流失率{percent(row['monitor_loss_ratio'])}（来源：失业动态监测）"


def _base(row: Row) -> str:
    change = signed_percent(row["base_per_person_change_12m_ratio"])
    yuan = row["base_per_person_fen"] // 100
    return f"{month_text(row['reference_month'])}人均缴费基数{yuan}元，同比{change}（来源：社保）"


def _arrears(row: Row) -> str:
    return (
        f"截至{month_text(row['reference_month'])}，近12个月有{row['arrears_months']}个费款所属期欠缴社会保险费，"
        f"共{yuan(row['arrears_fen'])}（来源：社保、税务）"
    )


def _deferral(row: Row) -> str:
    return (
        f"截至{month_text(row['reference_month'])}，近6个月有{row['deferral_months']}个月经批准缓缴社会保险费，"
        f"共{yuan(row['deferred_fen'])}（政策信号，非负面信息；来源：人社、税务）"
    )


def _us_share(row: Row) -> str:
    period = span_text(row["export_reference_month"], months=12)
    amount = wan(row["export_us_12m_usd_cent"], unit=USD_CENT_PER_WAN) if row["export_us_12m_usd_cent"] else None
    detail = f"（{amount}美元）" if amount else ""
    return f"{period}对美出口占出口总额{percent(row['export_us_share_12m_ratio'])}{detail}（来源：海关）"


def _us_fall(row: Row) -> str:
    return (
        f"{span_text(row['export_reference_month'], months=3)}对美出口同比下降"
        f"{percent(row['export_us_3m_change_ratio'])}，连续{row['export_us_fall_months']}个月（来源：海关）"
    )


def _tariff(row: Row) -> str:
    points = percent(row["tariff_rate_change_6m_ratio"]).removesuffix("%")
    return (
        f"对美出口产品加征税率至{month_text(row['reference_month'])}末为{percent(row['tariff_rate_ratio'])}，"
        f"较6个月前上升{points}个百分点（来源：海关、税率表）"
    )


def _concentration(row: Row) -> str:
    period = span_text(row["export_reference_month"], months=12)
    return f"{period}出口目的国集中度指数{row['export_hhi_ratio']:.2f}（1为全部出口到一国；来源：海关）"


def _no_export(row: Row) -> str:
    month = month_text(row["export_reference_month"])
    return f"截至{month}连续{row['zero_export_months']}个月无出口，此前12个月有出口（来源：海关）"


def _notice(row: Row) -> str:
    persons = row["notice_cut_persons"]
    planned = f"，拟裁减{persons}人" if persons is not None else ""
    return f"{day_text(row['notice_reported_on'])}报送裁减人员方案{planned}（来源：人社）"


def _moved(row: Row) -> str:
    month = month_text(row["reference_month"])
    if row["moving_out_open_count"]:
        return f"迁出登记在办，{month}仍参保{row['insured_persons']}人（来源：市监、社保）"
    return f"市场主体登记状态为迁出，{month}仍参保{row['insured_persons']}人（来源：市监、社保）"


def _industry(row: Row) -> str:
    name = row["industry_name"] or row["industry_division"]
    industry = f"行业{name}" if name.isdigit() else name
    return (
        f"{span_text(row['reference_month'], months=3)}全市{industry}参保人数净流失"
        f"{percent(row['peer_net_loss_ratio'])}，位于全市各行业后10%（来源：社保汇总）"
    )


def _recovery(row: Row) -> str:
    return (
        f"{month_text(row['reference_month'])}参保人数较上月增加{row['insured_change_1m_persons']}人，"
        f"较三个月前{signed_percent(row['insured_change_3m_ratio'])}（来源：社保）"
    )


def _us_recovery(row: Row) -> str:
    change = signed_percent(row["export_us_3m_change_ratio"])
    return f"{span_text(row['export_reference_month'], months=3)}对美出口同比{change}（来源：海关）"


SENTENCES: Mapping[str, Callable[[Row], str]] = {
    "EMP01": _decline,
    "EMP02": _net_loss,
    "EMP03": _large_loss,
    "EMP04": _joiners,
    "EMP05": _high_base,
    "EMP06": _dispatch,
    "EMP07": _idle,
    "EMP08": _monitor_loss,
    "EMP09": _base,
    "PAY01": _arrears,
    "PAY02": _deferral,
    "EXP01": _us_share,
    "EXP02": _us_fall,
    "EXP03": _tariff,
    "EXP04": _concentration,
    "EXP05": _no_export,
    "LAW01": _notice,
    "REG03": _moved,
    "SEC01": _industry,
    "MIT01": _recovery,
    "MIT02": _us_recovery,
    **source_sentences.SENTENCES,
}
