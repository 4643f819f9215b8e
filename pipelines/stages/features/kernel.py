"""The kernel: every feature of one bucket for one origin, the same for tonight and for each training origin.

Pure: a panel, an origin, the peers' table and the measures in; arrays with their validity out. It reads no month
after the origin, and its bits do not depend on which other enterprises share the bucket.
"""

from collections.abc import Sequence

from pipelines.stages.features import employment, monitor, payment, peers, tariff, trade
from pipelines.stages.features.masked import Masked
from pipelines.stages.features.panel import Definitions, Origin, Panel
from pipelines.stages.features.peers import Peers
from pipelines.stages.features.tariff import Measure


def compute(
    panel: Panel, origin: Origin, *, sums: Peers, measures: Sequence[Measure], definitions: Definitions
) -> dict[str, Masked]:
    """Feature name → values of all ``panel.count`` enterprises at ``origin``."""
    t = origin.insurance - panel.insurance.first
    result = employment.features(panel.insurance, t, definitions=definitions, city=sums.city)
    result |= payment.features(panel.insurance, t)
    result |= peers.features(sums, panel.division, minimum_persons=definitions.peer_minimum_persons)
    exports = None if origin.export is None else panel.exports
    t_export = -1 if exports is None or origin.export is None else origin.export - exports.first
    result |= trade.features(exports, t_export, count=panel.count, definitions=definitions)
    result |= tariff.features(
        exports, origin.insurance, t=t_export, measures=measures, count=panel.count, definitions=definitions
    )
    forms = None if origin.monitor is None else panel.monitor
    t_monitor = -1 if forms is None or origin.monitor is None else origin.monitor - forms.first
    result |= monitor.features(forms, t_monitor, count=panel.count, definitions=definitions)
    return result
