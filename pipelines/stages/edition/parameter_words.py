"""A parameter's value in words: what an officer reads on the parameter sheet. Numbers stay exactly as they are."""

from typing import Any

from pipelines.contracts import Contracts

SIGNS = {">=": "≥", "<=": "≤", "==": "＝", "<": "＜", ">": "＞", "in": "为", "not in": "不为", "known": "有数据"}

DERIVED = {"reference_month_number": "所属月份"}


def value_words(value: Any, contracts: Contracts) -> str:
    """``value`` as Chinese text: rules level by level, catalogues item by item, mappings and lists in one line."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, dict) and "levels" in value:
        return "；".join(_level(level, contracts) for level in value["levels"])
    if isinstance(value, dict):
        return "，".join(f"{key} {value_words(item, contracts)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        if value and isinstance(value[0], dict):
            return "；".join(" ".join(str(part) for part in item.values()) for item in value)
        return "、".join(value_words(item, contracts) for item in value)
    return str(value).replace("{county}", "县区")


def _level(level: dict[str, Any], contracts: Contracts) -> str:
    conditions = "，且".join(_condition(condition, contracts) for condition in level["when"])
    return f"{level['points']}分：{conditions}"


def _condition(condition: list[Any], contracts: Contracts) -> str:
    name, sign, *bound = condition
    label = _label(name, contracts)
    if sign == "known":
        return f"{label}{SIGNS[sign] if not bound or bound[0] else '无数据'}"
    is_column = isinstance(bound[0], str) and bound[0] in contracts.columns
    against = _label(bound[0], contracts) if is_column else value_words(bound[0], contracts)
    return f"{label}{SIGNS[sign]}{against}"


def _label(name: str, contracts: Contracts) -> str:
    return DERIVED.get(name) or contracts.columns[name].label
