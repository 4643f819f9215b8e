"""Every department beyond the roll, customs and the monitor: who writes in which order, and the truth of it.

The order matters twice: refunds look at the hires of promoted groups, and the fund at the refunds.
"""

from typing import Protocol

import polars as pl

from pipelines.synthetic.city import City
from pipelines.synthetic.credit_files import CreditFiles
from pipelines.synthetic.dispute_files import ArbitrationFiles, ComplaintFiles
from pipelines.synthetic.flow_files import FlowFiles
from pipelines.synthetic.months import Month
from pipelines.synthetic.operation_files import PowerFiles, TaxFiles
from pipelines.synthetic.order_files import OrderFiles
from pipelines.synthetic.signs import SIGNS
from pipelines.synthetic.support_files import SupportFiles
from pipelines.synthetic.unemployment_files import UnemploymentFiles
from pipelines.synthetic.vacancy_files import VacancyFiles
from pipelines.synthetic.visit_files import VisitFiles


class Writer(Protocol):
    """Delivers a month."""

    def write(self, month: Month) -> None:
        """Deliver ``month``."""


class Departments:
    """The writers of sixteen feeds."""

    def __init__(self, city: City) -> None:
        """Open every office of ``city``."""
        self.city = city
        self.flows = FlowFiles(city)
        self.support = SupportFiles(city, self.flows)
        self.unemployment = UnemploymentFiles(city, self.support)
        self.complaints, self.disputes = ComplaintFiles(city), ArbitrationFiles(city)
        self.credit, self.visits = CreditFiles(city), VisitFiles(city)
        self.writers: tuple[Writer, ...] = (
            PowerFiles(city),
            TaxFiles(city),
            OrderFiles(city),
            self.flows,
            self.support,
            self.unemployment,
            self.complaints,
            self.disputes,
            self.credit,
            VacancyFiles(city),
            self.visits,
        )

    def write(self, month: Month) -> None:
        """Deliver ``month`` from every office."""
        for writer in self.writers:
            writer.write(month)

    def truth(self) -> list[tuple[str, pl.DataFrame]]:
        """What was planted, by table."""
        people, links, moves = self.city.people, self.city.links, self.city.diary.moves
        episodes = self.city.episodes
        signs = {f"shows_{name}": self.city.signs.showing(name) for name in SIGNS}
        return [
            (
                "links",
                pl.DataFrame(
                    {
                        "uscc": people.uscc,
                        "power": links.power,
                        "tax": links.tax,
                        "job_market": links.job_market,
                        "key": links.key,
                    }
                ),
            ),
            (
                "signs",
                pl.DataFrame(
                    {"uscc": [people.uscc[e] for e in episodes.enterprise], "event_month_no": episodes.event, **signs}
                ),
            ),
            (
                "moves",
                pl.DataFrame(
                    [(m.number, people.unit_no[m.source], people.unit_no[m.target], m.persons, m.later) for m in moves],
                    schema=dict.fromkeys(("month_no", "from_unit_no", "to_unit_no", "persons", "later"), pl.Int64)
                    | {"from_unit_no": pl.String, "to_unit_no": pl.String},
                    orient="row",
                ),
            ),
            ("county_months", pl.concat(self.unemployment.counts)),
            ("benefits", pl.concat(self.support.paid)),
            ("complaints", pl.concat(self.complaints.filed)),
            ("disputes", pl.concat(self.disputes.filed)),
            ("credit_events", pl.concat(self.credit.told)),
            ("visits", pl.DataFrame(self.visits.made, infer_schema_length=None)),
        ]
