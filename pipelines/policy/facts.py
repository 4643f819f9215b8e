"""What a rule may know of an enterprise. Null is unknown, never zero."""

from collections.abc import Mapping

import polars as pl

FACTS: Mapping[str, pl.DataType] = {
    "enterprise_no": pl.Int64(),
    "enterprise_status": pl.String(),
    "is_labour_agency": pl.Boolean(),
    "industry_code": pl.String(),
    "size_class": pl.String(),
    "insured_persons": pl.Int64(),
    "revenue_12m_fen": pl.Int64(),
    "is_us_exporter": pl.Boolean(),
    "tariff_exposure_ratio": pl.Float64(),
    "is_dishonest": pl.Boolean(),
    "insured_change_12m_ratio": pl.Float64(),
    "premium_fen": pl.Int64(),
    "premium_months": pl.Int64(),
    "january_persons": pl.Int64(),
    "year_start_persons": pl.Int64(),
    "mean_before_persons": pl.Float64(),
    "left_naturally_persons": pl.Int64(),
    "claimants_persons": pl.Int64(),
    "december_persons": pl.Int64(),
    "mean_persons": pl.Float64(),
    "year_january_persons": pl.Int64(),
    "year_sum_persons": pl.Int64(),
    "year_months": pl.Int64(),
    "expansion_hired_persons": pl.Int64(),
    "graduates_hired_persons": pl.Int64(),
    "jobless_hired_persons": pl.Int64(),
    "key_hired_persons": pl.Int64(),
    "is_warned": pl.Boolean(),
}
"""Column → type. ``premium_*``, ``january_``, ``december_`` and ``mean_persons`` are of the year before the day asked,
``year_*`` of its own year up to the last complete month, money is fen, ratios are shares, ``mean_persons`` is over
twelve months. ``expansion_hired_persons`` are graduates and unemployed youth hired in the window of 一次性扩岗补助;
``graduates_`` and ``jobless_hired_persons`` (登记失业, 脱贫) what 社保补贴25% asks of the same months;
``key_hired_persons`` all key groups in twelve months. Parts of layoff rates that no feed tells are null."""
