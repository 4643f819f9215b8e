"""Theme 经营, 用工 and 薪酬: turnover invoiced, empty returns, and persons on the payroll against those insured.

An enterprise that the tax office does not name has nothing here; a month without a row is unknown, not zero.
"""

from pipelines.stages.features.masked import Masked, at, difference, quotient, relative
from pipelines.stages.features.panel import Insurance
from pipelines.stages.features.sparse import Seen

COLUMNS = ("invoiced_fen", "payroll_persons", "payroll_fen", "is_zero_vat")
MONTHS = 15
RUN_MONTHS = 12


def features(seen: Seen, *, insurance: Insurance, t: int) -> dict[str, Masked]:
    """All features of tax; heads are compared in the month of the tax record, with insurance up to row ``t``."""
    three, year_ago = seen.total("invoiced_fen", months=3), seen.total("invoiced_fen", months=3, lag=12)
    wage, wage_then = _per_head(seen, 0), _per_head(seen, 12)
    own = seen.spread(
        {
            "invoiced_3m_fen": three,
            "invoiced_3m_year_ago_fen": year_ago,
            "invoiced_3m_change_ratio": relative(three, year_ago),
            "zero_vat_months": seen.run("is_zero_vat", most=RUN_MONTHS),
            "payroll_latest_persons": seen.at("payroll_persons"),
            "payroll_change_3m_ratio": relative(seen.at("payroll_persons"), seen.at("payroll_persons", lag=3)),
            "payroll_wage_change_12m_ratio": quotient(
                wage.values - wage_then.values, wage_then.values, wage.valid & wage_then.valid
            ),
            "tax_silent_months": seen.silent_months(most=RUN_MONTHS),
            "_then": seen.at("payroll_persons", lag=3),
        }
    )
    now = _share(own["payroll_latest_persons"], insurance, seen.month, t=t)
    then = _share(own.pop("_then"), insurance, seen.month - 3, t=t)
    return own | {
        "payroll_insured_ratio": now,
        "payroll_insured_change_3m_ratio": difference(now, then),
    }


def _per_head(seen: Seen, lag: int) -> Masked:
    wages, heads = seen.at("payroll_fen", lag=lag), seen.at("payroll_persons", lag=lag)
    return quotient(wages.values, heads.values, wages.valid & heads.valid)


def _share(payroll: Masked, insurance: Insurance, month: int, *, t: int) -> Masked:
    """Persons on the payroll over persons insured, both of ``month``."""
    insured = at(insurance.levels.until(t), month - insurance.first)
    return quotient(payroll.values, insured.values, payroll.valid & insured.valid)
