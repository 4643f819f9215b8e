"""Conditions that several instruments share."""

import polars as pl

from pipelines.policy.instrument import Condition

US_DATA = "涉美出口企业名单或海关出口数据"
ALIVE = Condition(pl.col("enterprise_status") == "存续", "登记状态不是存续", "市场主体登记状态")
INSURED = Condition(pl.col("insured_persons") > 0, "当前没有参保职工", "最近完整月份的参保人数")
US_EXPORTER = Condition(pl.col("is_us_exporter"), "不是涉美出口企业（商务部门名单和近12个月海关出口均无）", US_DATA)
NOT_DISHONEST = Condition(~pl.col("is_dishonest"), "被列入严重违法失信名单", "企业信用事项")
SMALL_OR_MEDIUM = Condition(pl.col("is_sme"), "企业规模为大型，不属于中小微企业", "企业规模（营业收入或资产总额）")
SMALL_OR_MICRO = Condition(pl.col("is_small"), "企业规模不是小型或微型", "企业规模（营业收入或资产总额）")


def never(why: str) -> Condition:
    """What no enterprise can meet."""
    return Condition(pl.lit(value=False), why, "")


def untold(what: str) -> Condition:
    """What no feed tells of anyone."""
    return Condition(pl.lit(None, pl.Boolean), "", what)
