"""What persons are asked to decide: subject and body in numbers, no enterprise named; an empty subject asks nothing."""

from datetime import date
from pathlib import Path

from models import rule_score
from pipelines import learning
from pipelines.ledger import Ledger
from pipelines.means import Means
from pipelines.stages.edition import document

SERIOUS = ("红", "橙")
COLOURS = (*SERIOUS, "黄", "蓝")


def edition(means: Means, as_of: date) -> tuple[str, str]:
    """Whether the edition of ``as_of`` may leave the house; one without red and orange needs no leave."""
    drafts = (means.home.editions / as_of.isoformat()).glob("r*")
    folder = max(drafts, key=lambda path: int(path.name[1:]), default=Path())
    listed = document.recall(folder).listed.values()
    counts = {colour: sum(case.colour == colour for case in listed) for colour in COLOURS}
    if not any(counts[colour] for colour in SERIOUS):
        return "", ""
    told = "、".join(f"{colour} {count} 家" for colour, count in counts.items() if count)
    return (
        f"核发 {as_of} 预警名单（{folder.name}）：{told}",
        f"请先查看 `{folder.relative_to(means.home.root)}/` 中的 `briefing.html` 和 `预警名单.xlsx`，"
        "再决定是否发布并发送邮件。"
        "驳回（Reject）后本期不发布、不发邮件，上一期继续有效；更正数据后重新触发本作业。"
        "\n\nApprove: publish and mail. Reject: nothing leaves the house, the last edition stays.",
    )


def model(means: Means, as_of: date) -> tuple[str, str]:
    """Whether the model that was taught last may lead the nights after ``as_of``."""
    taught = learning.latest(means)
    if taught is None:
        return "", ""
    model_id, figures = taught
    ledger = Ledger(means.home.ledger)
    promoted = ledger.champion(as_of=as_of, through=ledger.last_seq())
    return (
        f"是否启用新学习的模型 {model_id}（现由 {promoted[0] if promoted else rule_score.MODEL_ID} 领先）",
        f"逐月回测：{learning.figures_text(figures)}。模型说明见 `models/{model_id}/card.md`。"
        "未优于全部简单排序的模型即使批准也不会启用。\n\nApprove: it leads from the next night on.",
    )
