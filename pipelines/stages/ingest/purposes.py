"""Which deliveries a night may use at all: none of a feed that was not approved for it, none that came after its end.

They stay landed and on record; once an approval is renewed the next night uses them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipelines import purpose
from pipelines.ledger import Delivery
from pipelines.run import Run
from pipelines.shapes import Use
from pipelines.warehouse import Warehouse

WITHHOLDING: tuple[Use, ...] = ("publication", "county_files")


@dataclass(frozen=True)
class Allowed:
    """The deliveries that a night may use, and those that it leaves out."""

    used: list[Delivery]
    unused: list[Delivery]


def split(run: Run, accepted: Sequence[Delivery]) -> Allowed:
    """Part the deliveries by what their feeds were approved for when they came."""
    found = purpose.approvals(run.contracts, run.settings)
    used, unused = list[Delivery](), list[Delivery]()
    for delivery in accepted:
        own = found[delivery.feed]
        is_allowed = own.allows("warning") and not own.has_ended(delivery.received_at.date())
        (used if is_allowed else unused).append(delivery)
    return Allowed(used, unused)


def store(run: Run, warehouse: Warehouse, allowed: Allowed) -> list[Delivery]:
    """Fill ``ingest.purpose``; gives the deliveries left out that the night would have known."""
    unknown = [d for d in allowed.unused if d.received_at < run.cutoff]
    unused = Counter(d.feed for d in unknown)
    seen = {d.feed for d in allowed.used if d.received_at < run.cutoff or d.dated == "lag"}
    rows = []
    for name, own in sorted(purpose.approvals(run.contracts, run.settings).items()):
        kept_back = [purpose.USES[use] for use in WITHHOLDING if name in seen and not own.allows(use)]
        rows.append(
            {
                "feed": name,
                "feed_label": own.label,
                "owner": own.owner,
                "catalogue": own.catalogue,
                "purpose_text": own.purpose,
                "purpose_until": own.until,
                "uses_text": own.uses_text,
                "purpose_state": own.state(run.as_of),
                "unused_count": unused[name],
                "withheld_text": "、".join(kept_back) or None,
            }
        )
    warehouse.store("ingest.purpose", pl.DataFrame(rows, schema=run.contracts.polars_schema("ingest.purpose")))
    return unknown
