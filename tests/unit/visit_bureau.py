"""A city whose officers' forms pile up from night to night, for the tests of visits and work orders."""

from datetime import date
from typing import Any

from edition_city import City, Firm

NUMBER = "YJ202610320706001"


class Bureau:
    """A city whose officers' forms pile up from night to night."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.forms: list[dict[str, Any]] = []
        self.done: list[dict[str, Any]] = []

    def night(self, as_of: date, month: date, *firms: Firm) -> dict[str, dict[str, Any]]:
        """Issue an edition that knows every form so far; gives its list."""

        def knowing(run: Any) -> Any:
            numbers = {code: row["enterprise_no"] for code, row in self.city.rows("core.enterprise").items()}
            rows = [{**form, "enterprise_no": numbers[form["enterprise_no"]]} for form in self.forms]
            self.city.give("core.follow_up", rows)
            self.city.give("ingest.order_done", self.done)
            return run

        self.city.night(as_of, month, list(firms), batch=f"b{as_of}", change=knowing)
        return self.city.rows("edition.warning")

    def visit(self, code: str, on: date, *, number: str | None = NUMBER, **said: Any) -> None:
        """A form comes back."""
        form = {"visit_no": f"ZF{len(self.forms):06d}", "warning_no": number, "enterprise_no": code, "visited_on": on}
        self.forms.append({**form, "is_false_alarm": None, **said})

    def heard(self) -> dict[str, tuple[str, str]]:
        """What became of each form."""
        rows = self.city.rows("edition.visit_answer", "visit_no")
        return {number: (row["answer_state"], row["answer_text"]) for number, row in rows.items()}
