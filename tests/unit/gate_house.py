"""A home whose register and units came in good order, and gates on nights there."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from ingest_files import INSURANCE, REGISTER, drop, insurance_row, register_row, text, uscc
from runs import run_of

from pipelines import contracts as contract_files
from pipelines import demo
from pipelines.contracts import Contracts
from pipelines.ledger import Delivery, Ledger
from pipelines.settings import Home
from pipelines.stages import core, gate, ingest
from pipelines.warehouse import Warehouse

FIRST = datetime(2025, 4, 6, 9, 30)
AS_OF = date(2025, 4, 10)
UNITS = ["单位编号", "统一社会信用代码", "单位名称", "经办机构代码", "参保日期"]
MONITOR = ["统一社会信用代码", "调查期", "建档期期末就业人数", "调查期期末就业人数"]
SIZE = 40


@dataclass
class Night:
    """What a gate said: the verdict, its reasons in full and for mails, the lines, the notes, what closes it."""

    verdict: str
    reason: str
    mail: str
    results: list[dict[str, Any]]
    notes: tuple[str, ...]
    closing: frozenset[str] = field(default=frozenset())


@dataclass
class House:
    """A home in a temporary folder, with what tests do to it."""

    home: Home
    contracts: Contracts
    ledger: Ledger

    def take(
        self, feed: str, name: str, content: str, *, days: float = 0, dated: Literal["lag"] | None = None
    ) -> Delivery:
        """Deliver a file some days after the first."""
        path = drop(self.home.root / "sent" / feed, name, content)
        incoming = ingest.Incoming(path, FIRST + timedelta(days=days), dated=dated)
        delivery = ingest.receive(incoming, home=self.home, contracts=self.contracts, ledger=self.ledger)
        assert delivery is not None
        return delivery

    def insurance(
        self, name: str, *, months: Sequence[str] = ("202503",), bad: int = 0, units: int = SIZE, **when: Any
    ) -> Delivery:
        """Deliver insurance of ``units`` units, with ``bad`` negative head counts in the last of the ``months``."""
        rows = [
            insurance_row(n, month, **({"失业保险参保人数": "-1"} if n < bad and month == months[-1] else {}))
            for month in months
            for n in range(units)
        ]
        return self.take("insurance_month", name, text([INSURANCE, *rows]), **when)

    def gate(self, as_of: date = AS_OF) -> Night:
        """Ingest, core and gate of a night with all that was delivered."""
        run = run_of(as_of, through=self.ledger.last_seq(), home=self.home, contracts=self.contracts)
        warehouse = Warehouse(None, contracts=self.contracts, threads=1)
        try:
            ingest.run(run, warehouse, self.ledger)
            core.run(run, warehouse)
            receipt = gate.run(run, warehouse, self.ledger)
            assert receipt.adds_up
            [(verdict, reason, mail)] = warehouse.rows("SELECT gate_verdict, reason_text, mail_text FROM gate.verdict")
            lines = warehouse.frame("SELECT * FROM gate.result").to_dicts()
            closing = frozenset(key for (key,) in warehouse.rows("SELECT fault_key FROM gate.closing"))
            return Night(verdict, reason, mail, lines, receipt.notes, closing)
        finally:
            warehouse.close()

    def override(self, reason: str, opens: frozenset[str]) -> None:
        """Let ``opens`` through, as ``nightly.override`` does."""
        self.ledger.append(
            "override", subject=AS_OF.isoformat(), at=FIRST, body={"reason": reason, "opens": sorted(opens)}
        )


def open_house(root: Path) -> House:
    """A house with the register and the units of ``SIZE`` enterprises."""
    home = Home(root)
    demo.make_home(home, city="模拟市", simulated=True)
    found = House(home, contract_files.load(), Ledger(home.ledger))
    register = [register_row(n) for n in range(SIZE)]
    units = [[f"3207{n:06d}", uscc(n), f"测试企业{n}有限公司", "320703", "2015-06-01"] for n in range(SIZE)]
    found.take("enterprise_register", "登记.csv", text([REGISTER, *register]))
    found.take("insured_unit", "单位.csv", text([UNITS, *units]))
    return found
