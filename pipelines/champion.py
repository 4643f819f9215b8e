"""Which model is in charge of a night, and whether it can be used: by the ledger, loaded and checked bit by bit.

A promotion holds from a date on, so running an old date again never lets a model judge the months that taught it.
"""

from datetime import date

from models import registry, rule_score
from models.errors import ModelError
from models.registry import Artefact
from pipelines.contracts import Contracts
from pipelines.ledger import Ledger
from pipelines.means import Means
from pipelines.run import Champion


def load_model(means: Means, model_id: str, digest: str, contracts: Contracts) -> Artefact:
    """The model ``model_id`` of the home, checked bit by bit; raises ``ModelError`` where it cannot be used."""
    columns = {*contracts.tables["features.enterprise"].columns, *contracts.tables["core.enterprise"].columns}
    return registry.load(means.home.models / model_id, columns=columns, digest=digest)


def in_charge(
    means: Means, ledger: Ledger, contracts: Contracts, *, as_of: date, through: int
) -> tuple[Champion | None, Artefact | None]:
    """The model in charge by the ledger, loaded and checked; what cannot be used is named, and the rule score leads."""
    promoted = ledger.champion(as_of=as_of, through=through)
    if promoted is None or promoted[0] == rule_score.MODEL_ID:
        return None, None
    model_id, digest = promoted
    try:
        model = load_model(means, model_id, digest, contracts)
    except ModelError as error:
        means.progress(f"学习模型 {model_id} 未能使用：{error}")
        return Champion(model_id, digest, refusal=error.officers), None
    return Champion(model_id, digest), model
