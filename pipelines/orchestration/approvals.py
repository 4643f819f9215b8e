"""A decision that waits for a person in Airflow's own pages; what was asked and answered, and by whom, is on record."""

from datetime import timedelta
from typing import Any

from airflow.providers.standard.exceptions import HITLTimeoutError
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from pipelines import orchestration
from pipelines.ledger import Ledger

PATIENCE = timedelta(hours=20)
"""Asked at two in the morning, a question ends before the next night begins."""
UNANSWERED = ExceptionRetryPolicy(
    rules=[RetryRule(HITLTimeoutError, RetryAction.FAIL, reason="无人答复，按未同意处理 (nobody answered)")]
)
"""No answer is final; an answer that got lost is asked for again."""


class Approval(ApprovalOperator):  # type: ignore[misc]  # Airflow's classes carry no types for mypy
    """Asks what the function ``question`` of ``questions`` says, and nothing where it says nothing.

    A refusal skips what follows, and so, as a failure, does no answer. Question and answer are entries of the ledger of
    kind ``record``: ``asked``, then ``Approve`` or ``Reject``; ``none`` where nothing had to be decided.
    """

    def __init__(self, *, question: str, record: str, **options: Any) -> None:
        subject = options.pop("subject", "")
        super().__init__(subject=subject, response_timeout=PATIENCE, execution_timeout=None, **options)
        self.question = question
        self.record = record

    def execute(self, context: Any) -> None:
        """Ask, unless there is nothing to decide."""
        from pipelines.orchestration import questions  # noqa: PLC0415  heavy: not while DAG files are parsed

        means, as_of = orchestration.means_of(context), orchestration.business_date(context)
        asked: questions.Question = getattr(questions, self.question)(means, as_of)
        decision = "asked" if asked.subject else "none"
        self._put_on_record(context, decision=decision, asked=asked.subject, about=asked.about)
        if not asked.subject:
            self.log.info("nothing to approve")
            return
        self.subject, self.body = asked.subject, asked.body
        super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> None:
        """Put the answer on record, with what was asked; first, since a refusal ends the task in here."""
        if "error" not in event:
            ledger = Ledger(orchestration.means_of(context).home.ledger)
            question = ledger.entries(self.record, subject=orchestration.business_date(context).isoformat())[-1]
            by = (event["responded_by_user"] or {}).get("name", "")
            told = {"asked": question["asked"], "about": question["about"]}
            self._put_on_record(context, decision=event["chosen_options"][0], by=by, **told)
        super().execute_complete(context, event)

    def _put_on_record(self, context: Any, **body: str) -> None:
        means, as_of = orchestration.means_of(context), orchestration.business_date(context)
        Ledger(means.home.ledger).append(self.record, subject=as_of.isoformat(), at=means.now, body=body)
