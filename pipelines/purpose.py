"""What each feed was shared for: catalogue number, purpose, approved uses, last day; and which use is refused.

The feed's contract says what is known everywhere, the site's settings what was approved here. What nobody has told is
unknown: it is shown as such, and neither allows nor forbids.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from pipelines.contracts import Contracts
from pipelines.errors import PurposeError, SettingsError
from pipelines.settings import Settings
from pipelines.shapes import Use

USES: Mapping[Use, str] = {
    "warning": "监测预警",
    "training": "模型训练",
    "publication": "内部数据文件",
    "county_files": "县区数据文件",
}
UNKNOWN = "未知"


@dataclass(frozen=True)
class Approval:
    """The approval of one feed; None is not known."""

    feed: str
    label: str
    owner: str
    catalogue: str
    purpose: str
    uses: tuple[Use, ...] | None
    until: date | None

    def allows(self, use: Use) -> bool:
        """Whether nothing on record forbids ``use``."""
        return self.uses is None or use in self.uses

    def has_ended(self, on: date) -> bool:
        """Whether its last day lies before ``on``."""
        return self.until is not None and self.until < on

    def refusal(self, use: Use, on: date) -> str | None:
        """Why ``use`` on that day is refused, in Chinese; None where it is not."""
        if not self.allows(use):
            return f"{self.label}（{self.owner}）未批准用于{USES[use]}"
        return f"{self.label}（{self.owner}）的批准用途已于{self.until}到期" if self.has_ended(on) else None

    @property
    def uses_text(self) -> str:
        """The approved uses in Chinese."""
        if self.uses is None:
            return UNKNOWN
        return "、".join(USES[use] for use in self.uses) or "无"

    def state(self, on: date) -> str:
        """In a word how it stands on a day: 已到期, 不得用于预警, 约定不全 where something is unknown, else 有效."""
        if not self.allows("warning"):
            return "不得用于预警"
        if self.has_ended(on):
            return "已到期"
        return "约定不全" if self.uses is None or self.catalogue == UNKNOWN else "有效"


def approvals(contracts: Contracts, settings: Settings) -> dict[str, Approval]:
    """Feed → its approval; raises ``SettingsError`` naming feeds of the settings that no contract describes."""
    unknown = sorted(set(settings.approval) - set(contracts.feeds))
    if unknown:
        known = ", ".join(sorted(contracts.feeds))
        raise SettingsError([f"wengang.toml: [approval.{name}]: no such feed; known: {known}" for name in unknown])
    found = {}
    for name, feed in contracts.feeds.items():
        own = settings.approval.get(name)
        found[name] = Approval(
            feed=name,
            label=feed.label,
            owner=feed.owner,
            catalogue=(own and own.catalogue) or feed.catalogue,
            purpose=(own and own.purpose) or feed.purpose,
            uses=own.uses if own and own.uses is not None else feed.uses,
            until=own.until if own and own.until is not None else feed.purpose_until,
        )
    return found


def require(found: Mapping[str, Approval], feeds: Iterable[str], use: Use, *, on: date) -> None:
    """Raise ``PurposeError`` naming every one of ``feeds`` whose ``use`` on that day is refused."""
    told = [why for name in sorted(set(feeds)) if name in found and (why := found[name].refusal(use, on))]
    if told:
        raise PurposeError(
            f"不能用于{USES[use]}：{'；'.join(told)}。请报送部门续批或扩大批准用途，批准后由系统管理员登记"
        )


def withheld(found: Mapping[str, Approval], feeds: Iterable[str], use: Use) -> list[str]:
    """Those of ``feeds`` that were approved for some uses, and not for ``use``."""
    return [name for name in sorted(set(feeds)) if name in found and not found[name].allows(use)]
