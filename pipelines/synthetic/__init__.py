"""The generated city: deliveries with the shape and the dirt of real ones, and the truth that was planted in them.

It is the default input because real municipal data are confidential. It knows contracts only, and it is never evidence
that the method works on real enterprises.
"""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from pipelines.contracts import Contracts
from pipelines.errors import UsageError
from pipelines.parameters import Parameters
from pipelines.synthetic.calibration import add_months, stream
from pipelines.synthetic.city import City, plan_links
from pipelines.synthetic.clusters import plan_clusters
from pipelines.synthetic.deliveries import Courier, write_parquet
from pipelines.synthetic.departments import Departments
from pipelines.synthetic.history import History
from pipelines.synthetic.insurance_files import InsuranceFiles, end_of_arrivals
from pipelines.synthetic.population import populate
from pipelines.synthetic.report_files import ReportFiles
from pipelines.synthetic.roll_files import RollFiles
from pipelines.synthetic.shocks import plan_episodes, plan_transfers
from pipelines.synthetic.signs import plan_signs
from pipelines.synthetic.trade import Trade, plan_trade
from pipelines.synthetic.trade_files import TradeFiles, write_measures
from pipelines.synthetic.truth import write_truth

LEAST_ENTERPRISES, LEAST_MONTHS = 200, 3


@dataclass(frozen=True)
class CitySummary:
    """What was made: employers, persons insured in the last month, files, reductions, first and last month."""

    enterprises: int
    insured_persons: int
    files: int
    events: int
    first_month: date
    last_month: date


def generate(
    out: Path,
    *,
    enterprises: int,
    months: int,
    until: date,
    seed: int,
    contracts: Contracts,
    parameters: Parameters,
    clusters: int = 0,
) -> CitySummary:
    """Write a city to the empty folder ``out``: `inbox/`, `deliveries.csv` and `truth/`.

    ``until`` is the first day of the last insurance month, ``clusters`` how many counties × industries a common shock
    strikes. The same arguments give the same bytes. Raises ``UsageError`` for a folder in use, a day that is no first
    of a month, or a city too small, for its clusters too, or too large.
    """
    _refuse(out, enterprises=enterprises, months=months, until=until)
    first = add_months(until, 1 - months)
    people = populate(enterprises, months=months, first=first, seed=seed)
    trade = plan_trade(people, seed=seed)
    episodes = plan_episodes(people, trade, months=months, first=first, seed=seed)
    episodes, struck = plan_clusters(people, trade, episodes, count=clusters, months=months, seed=seed)
    transfers = plan_transfers(people, months=months, seed=seed)
    history = History(people, episodes, transfers, first=first, months=months, seed=seed, parameters=parameters)
    courier, last = Courier(out, contracts), end_of_arrivals(until)
    city = _plan(history, trade, courier, seed=seed, last=last)
    reports = ReportFiles(courier, people, episodes, first, stream(seed, "report_files"))
    rolls = RollFiles(courier, people, stream(seed, "roll_files"))
    insurance = InsuranceFiles(courier, people, months, last, stream(seed, "insurance_files"))
    customs, departments = TradeFiles(courier, people, trade, stream(seed, "trade_files")), Departments(city)
    write_measures(courier, first=first, last=last)
    insured = 0
    for month in history:
        for writer in (rolls, reports, insurance, customs, departments):
            writer.write(month)
        insured = int(month.insured[month.seen].sum())
    write_truth(out / "truth", trade=trade, history=history, courier=courier, reports=reports.filed, clusters=struck)
    write_parquet(out / "truth", departments.truth())
    return CitySummary(
        enterprises=people.enterprises,
        insured_persons=insured,
        files=courier.close(),
        events=len(history.diary.events),
        first_month=first,
        last_month=until,
    )


def _plan(history: History, trade: Trade, courier: Courier, *, seed: int, last: datetime) -> City:
    """Add to the history what the other departments need: signs, links, festivals."""
    people, episodes = history.population, history.episodes
    return City(
        people=people,
        trade=trade,
        episodes=episodes,
        signs=plan_signs(episodes, enterprises=people.enterprises, seed=seed),
        diary=history.diary,
        links=plan_links(people, seed=seed),
        festivals=tuple(history.festivals),
        first=history.first,
        months=history.months,
        last=last,
        seed=seed,
        courier=courier,
    )


def _refuse(out: Path, *, enterprises: int, months: int, until: date) -> None:
    if until.day != 1:
        raise UsageError(f"--until is the first day of the last insurance month, not {until}")
    if enterprises < LEAST_ENTERPRISES or months < LEAST_MONTHS:
        raise UsageError(f"a city needs at least {LEAST_ENTERPRISES} enterprises and {LEAST_MONTHS} months")
    if out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty; give a new folder for the city")
    out.mkdir(parents=True, exist_ok=True)
