"""A home that files are delivered to, for the tests of ingest: receive one, and look at what became of it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from ingest_files import ARRIVED

from pipelines import contracts as contract_files
from pipelines.contracts import Contracts
from pipelines.ledger import Delivery, Ledger
from pipelines.settings import Home
from pipelines.stages.ingest import Incoming, receive


@dataclass
class House:
    """A home in a temporary folder, with what tests ask of it."""

    home: Home
    contracts: Contracts
    ledger: Ledger

    def take(self, path: Path, **said: Any) -> Delivery | None:
        """Receive one file."""
        said = {"received_at": ARRIVED} | said
        return receive(Incoming(path, **said), home=self.home, contracts=self.contracts, ledger=self.ledger)

    def accept(self, path: Path, **said: Any) -> Delivery:
        """Receive one file that must be accepted."""
        delivery = self.take(path, **said)
        assert delivery is not None
        assert delivery.status == "accepted", delivery.reason
        assert delivery.rows_in == delivery.rows_landed + delivery.rows_quarantined + delivery.rows_set_aside
        return delivery

    def refuse(self, path: Path, **said: Any) -> str:
        """Receive one file that must be refused; gives the reason."""
        delivery = self.take(path, **said)
        assert delivery is not None
        assert delivery.status == "refused"
        assert delivery.rows_in == delivery.rows_set_aside
        kept = list((self.home.landing / "_refused" / delivery.batch).glob("original*"))
        assert [k.read_bytes() for k in kept] == [path.read_bytes()]
        return delivery.reason

    def frame(self, delivery: Delivery, name: str = "rows") -> pl.DataFrame:
        """A Parquet file of a batch."""
        return pl.read_parquet(self.home.landing / delivery.feed / delivery.batch / f"{name}.parquet")

    def manifest(self, delivery: Delivery) -> dict[str, Any]:
        """The manifest of a batch."""
        return json.loads((self.home.landing / delivery.feed / delivery.batch / "manifest.json").read_text("utf-8"))

    def inbox(self, feed: str = "insurance_month") -> Path:
        """Where a department puts its files."""
        return self.home.inbox / feed


def open_house(root: Path) -> House:
    """An empty house in ``root``."""
    return House(Home(root), contract_files.load(), Ledger(root / "ledger.sqlite"))
