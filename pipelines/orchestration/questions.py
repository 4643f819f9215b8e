"""What persons are asked to decide, in numbers: no enterprise is named where Airflow shows it."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from models import rule_score
from pipelines import learning
from pipelines.errors import StageOrderError
from pipelines.ledger import Ledger
from pipelines.means import Means
from pipelines.stages.edition import document

SERIOUS = ("红", "橙")
COLOURS = (*SERIOUS, "黄", "蓝")
SIGN_OFF = "sign_off"


@dataclass(frozen=True)
class Question:
    """``subject`` and ``body`` of what is asked (no subject: nothing), ``about`` one thing, by its id or digest."""

    subject: str = ""
    body: str = ""
    about: str = ""


def edition(means: Means, as_of: date) -> Question:
    """Whether the edition of ``as_of`` that was written last may leave the house; without red and orange it may."""
    drafts = (means.home.editions / as_of.isoformat()).glob(f"r*/{document.FILE}")
    folder = max(drafts, key=lambda path: path.stat().st_mtime_ns, default=Path(document.FILE)).parent
    digest, listed = document.digest_of(folder), document.recall(folder).listed.values()
    counts = {colour: sum(case.colour == colour for case in listed) for colour in COLOURS}
    if not any(counts[colour] for colour in SERIOUS):
        return Question(about=digest)
    told = "、".join(f"{colour} {count} 家" for colour, count in counts.items() if count)
    return Question(
        f"核发 {as_of} 预警名单（{folder.name}）：{told}",
        f"请先查看 `{folder.relative_to(means.home.root)}/` 中的 `briefing.html` 和 `预警名单.xlsx`，"
        "再决定是否发布并发送邮件。驳回（Reject）后本期不发布、不发邮件，上一期继续有效；"
        "数据更正后以 as_of 和较晚的 cutoff 重新触发。"
        "\n\nApprove: publish and mail. Reject: nothing leaves the house, the last edition stays.",
        digest,
    )


def approved(means: Means, as_of: date) -> str:
    """The digest of the edition of ``as_of`` that may leave; raises ``StageOrderError`` where none may."""
    entries = Ledger(means.home.ledger).entries(SIGN_OFF, subject=as_of.isoformat())
    if not entries or entries[-1]["decision"] not in {"Approve", "none"}:
        raise StageOrderError(f"nobody has signed off the edition of {as_of}: clear the step sign_off and answer it")
    return str(entries[-1]["about"])


def model(means: Means, as_of: date) -> Question:
    """Whether the model that was taught last may lead the nights after ``as_of``."""
    taught = learning.latest(means)
    if taught is None:
        return Question()
    model_id, figures = taught
    ledger = Ledger(means.home.ledger)
    promoted = ledger.champion(as_of=as_of, through=ledger.last_seq())
    return Question(
        f"是否启用新学习的模型 {model_id}（现由 {promoted[0] if promoted else rule_score.MODEL_ID} 领先）",
        f"逐月回测：{learning.figures_text(figures)}。模型说明见 `models/{model_id}/card.md`。"
        "未优于全部简单排序的模型即使批准也不会启用。\n\nApprove: it leads from the next night on.",
        model_id,
    )
