"""Every instrument, in the order of the draft's clauses."""

from collections.abc import Mapping

from pipelines.policy.instrument import Instrument
from pipelines.policy.instruments import (
    brand_loan,
    deferral,
    expansion_subsidy,
    first_timer,
    five_services,
    flexible_work,
    gig_market,
    hiring_subsidy,
    person_subsidy,
    recruiting_trip,
    refund,
    reserve_fund,
    stabilising_loan,
    startup_loan,
    state_firm_posts,
    traineeship,
    training,
    welfare_post,
)

INSTRUMENTS: Mapping[str, Instrument] = {
    module.INSTRUMENT.instrument_id: module.INSTRUMENT
    for module in (
        expansion_subsidy,
        refund,
        deferral,
        hiring_subsidy,
        stabilising_loan,
        startup_loan,
        brand_loan,
        person_subsidy,
        welfare_post,
        recruiting_trip,
        first_timer,
        traineeship,
        state_firm_posts,
        training,
        flexible_work,
        gig_market,
        reserve_fund,
        five_services,
    )
}
