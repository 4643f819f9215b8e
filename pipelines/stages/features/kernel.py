"""The kernel: every feature of one bucket for one origin, the same for tonight and for each training origin.

Pure: a panel, an origin, the peers' table and the measures in; arrays with their validity out. It reads no month
after the origin, and its bits do not depend on which other enterprises share the bucket.
"""

from collections.abc import Sequence

from pipelines.stages.features import (
    claims,
    credit,
    disputes,
    employment,
    history,
    market,
    monitor,
    payment,
    peers,
    power,
    support,
    tariff,
    tax,
    trade,
    transfers,
)
from pipelines.stages.features.masked import Masked
from pipelines.stages.features.panel import Definitions, Origin, Panel
from pipelines.stages.features.peers import Peers
from pipelines.stages.features.sources import FLOWS, MONTHLY, MonthlySource
from pipelines.stages.features.sparse import Dated, Seen, unseen
from pipelines.stages.features.tariff import Measure


def compute(
    panel: Panel, origin: Origin, *, sums: Peers, measures: Sequence[Measure], definitions: Definitions
) -> dict[str, Masked]:
    """Feature name → values of all ``panel.count`` enterprises at ``origin``."""
    t = origin.insurance - panel.insurance.first
    result = employment.features(panel.insurance, t, definitions=definitions, city=sums.city)
    result |= payment.features(panel.insurance, t)
    result |= history.features(panel.insurance, t)
    result |= _moves(panel, origin, result, definitions)
    result |= peers.features(sums, panel.division, minimum_persons=definitions.peer_minimum_persons)
    exports = None if origin.export is None else panel.exports
    t_export = -1 if exports is None or origin.export is None else origin.export - exports.first
    own = trade.own_rows(exports, t_export)
    result |= trade.features(exports, own, t_export, count=panel.count, definitions=definitions)
    result |= tariff.features(
        exports, own, origin.insurance, t=t_export, measures=measures, count=panel.count, definitions=definitions
    )
    result |= _monthly(panel, origin, definitions)
    return result | _dated(panel, origin, definitions)


def _moves(panel: Panel, origin: Origin, known: dict[str, Masked], definitions: Definitions) -> dict[str, Masked]:
    """Moves between enterprises, and the losses net of transfers."""
    month, insurance = origin.insurance, panel.insurance
    reached = origin.reached.get(FLOWS, -1)
    moves = transfers.features(panel.flows, insurance, month, reached=reached, count=panel.count)
    return moves | transfers.net_loss(known | moves, insurance, month - insurance.first, definitions=definitions)


def _monthly(panel: Panel, origin: Origin, definitions: Definitions) -> dict[str, Masked]:
    """Features of the sources that speak month by month of some enterprises."""
    seen = {source.name: _seen(panel, origin, source, definitions) for source in MONTHLY}
    t = origin.insurance - panel.insurance.first
    result = monitor.features(seen["monitor"], definitions=definitions)
    result |= power.features(seen["power"], definitions=definitions)
    result |= tax.features(seen["tax"], insurance=panel.insurance, t=t)
    result |= market.orders(seen["orders"], definitions=definitions)
    result |= market.vacancies(seen["vacancies"])
    result |= market.hires(seen["hires"])
    return result | claims.features(seen["claims"], insurance=panel.insurance, t=t)


def _seen(panel: Panel, origin: Origin, source: MonthlySource, definitions: Definitions) -> Seen:
    """The source at the origin; one that has not been heard from within the valid months says nothing."""
    monthly, reached = panel.monthly.get(source.name), origin.reached.get(source.name)
    if monthly is None or reached is None or origin.insurance - reached > definitions.source_valid_months:
        return unseen(source.columns, month=origin.insurance, count=panel.count)
    return Seen(panel=monthly, t=reached - monthly.first, count=panel.count)


def _dated(panel: Panel, origin: Origin, definitions: Definitions) -> dict[str, Masked]:
    """Features of dated events."""

    def seen(name: str) -> Dated:
        return Dated(panel=panel.events.get(name), day=origin.day, reached=origin.reached.get(name), count=panel.count)

    result = disputes.complaints(seen("complaints")) | disputes.arbitrations(seen("arbitrations"))
    result |= credit.features(seen("credit")) | support.benefits(seen("benefits"))
    return result | support.visits(seen("visits"), definitions=definitions)
