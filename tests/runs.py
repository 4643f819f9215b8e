"""A run as a stage of one kind of test is given it, without a night around it."""

from datetime import date
from pathlib import Path

from pipelines import contracts as contract_files
from pipelines import parameters as parameter_files
from pipelines.contracts import Contracts
from pipelines.run import Run, end_of
from pipelines.settings import Home, Settings


def run_of(as_of: date, *, through: int = 0, home: Home | None = None, contracts: Contracts | None = None) -> Run:
    """A run that sees the whole of ``as_of``, with no settings; it needs a home only where files are read."""
    return Run(
        as_of=as_of,
        cutoff=end_of(as_of),
        through=through,
        home=home or Home(Path("unused")),
        settings=Settings(),
        contracts=contracts or contract_files.load(),
        parameters=parameter_files.load(as_of),
    )
