"""A decision that waits for a person in Airflow's own pages; the answer goes into the ledger with who gave it."""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator

from pipelines import orchestration
from pipelines.ledger import Ledger

PATIENCE = timedelta(hours=20)


class Approval(ApprovalOperator):  # type: ignore[misc]  # Airflow's classes carry no types for mypy
    """Asks what the function ``question`` of ``questions`` says, and nothing where it says nothing.

    A refusal skips what follows; an answer of kind ``record`` goes into the ledger.
    """

    def __init__(self, *, question: str, record: str, **options: Any) -> None:
        subject = options.pop("subject", "")
        super().__init__(subject=subject, response_timeout=PATIENCE, execution_timeout=None, **options)
        self.question = question
        self.record = record

    def execute(self, context: Any) -> None:
        """Ask, unless there is nothing to decide."""
        self.subject, self.body = self._asked(context)
        if not self.subject:
            self.log.info("nothing to approve")
            return
        super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> None:
        """Record the answer."""
        answer = super().execute_complete(context, event)
        means = orchestration.means_of(context)
        body = {
            "decision": answer["chosen_options"][0],
            "by": (answer["responded_by_user"] or {}).get("name", ""),
            "asked": self._asked(context)[0],
        }
        as_of = orchestration.business_date(context).isoformat()
        Ledger(means.home.ledger).append(self.record, subject=as_of, at=means.now, body=body)

    def _asked(self, context: Any) -> tuple[str, str]:
        from pipelines.orchestration import questions  # noqa: PLC0415  heavy: not while DAG files are parsed

        means, as_of = orchestration.means_of(context), orchestration.business_date(context)
        asked: tuple[str, str] = getattr(questions, self.question)(means, as_of)
        return asked
