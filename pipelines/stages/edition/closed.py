"""Cases that left the list: remembered for a while, so that their visits still count, for them and for their county."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from pipelines.run import add_months
from pipelines.stages.edition.answers import UNVERIFIED, Heard
from pipelines.stages.edition.cases import Outcome
from pipelines.stages.edition.document import Closed, Memory


def remembered(outcome: Outcome, memory: Memory | None, *, as_of: date, months: int) -> dict[str, Closed]:
    """Warning number → the case, of those that left in the last ``months`` months, tonight's among them."""
    since = add_months(as_of.replace(day=1), -months)
    listed = {case.warning_no for case in outcome.listed}
    found = {number: case for number, case in memory.closed.items() if case.left_on >= since} if memory else {}
    for release in outcome.released:
        before = release.before
        assert before.listed_since is not None, "a case has the day on which it was listed"
        found[before.warning_no] = Closed(
            warning_no=before.warning_no,
            enterprise_id=before.enterprise_id,
            enterprise_name=before.enterprise_name,
            county_code=before.county_code,
            county_name=before.county_name,
            colour=before.colour,
            listed_since=before.listed_since,
            left_on=as_of,
        )
    return {number: case for number, case in sorted(found.items()) if number not in listed}


def rows(closed: Mapping[str, Closed], heard: Iterable[Heard], *, edition_id: str) -> list[dict[str, Any]]:
    """Rows of ``edition.closed_case``: each case with the state that its latest visit gives."""
    words = {one.case_no: one.visit for one in heard if one.speaks}
    return [
        {
            "edition_id": edition_id,
            "warning_no": number,
            "enterprise_id": case.enterprise_id,
            "enterprise_name": case.enterprise_name,
            "county_code": case.county_code,
            "county_name": case.county_name,
            "colour": case.colour,
            "listed_since": case.listed_since,
            "left_on": case.left_on,
            "case_state": words[number].state if number in words else UNVERIFIED,
            "visited_on": words[number].visited_on if number in words else None,
        }
        for number, case in closed.items()
    ]
