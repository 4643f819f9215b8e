"""A parameter's value in words: what an officer reads on the parameter sheet. Numbers stay exactly as they are."""

from typing import Any

from pipelines.contracts import Contracts

SIGNS = {">=": "≥", "<=": "≤", "==": "＝", "<": "＜", ">": "＞", "in": "为", "not in": "不为", "known": "有数据"}

DERIVED = {"reference_month_number": "所属月份"}
LEARNING = {
    "training_minimum": "学习所用企业最低参保人数",
    "folds": "企业分组数",
    "season_weight": "往年同期发生率向上级收缩的行数",
    "without_season_folds": "不带往年同期信息重复学习的组数",
    "penalty": "系数惩罚",
    "blend_weight": "第二种方法在混合中的权重",
    "windows": "滚动检验的月数",
    "windows_fewest_origins": "检验月之前至少的学习月数",
    "windows_most_rows": "滚动检验每次最多学习的行数",
    "silence_most_rows": "估计来源缺失影响时最多使用的行数",
    "most_rows": "最多学习的行数",
    "noise": "视为无差别的平均精度差",
    "trees": "提升树",
    "iterations": "棵数",
    "learning_rate": "步长",
    "leaves": "每棵最多叶数",
    "leaf_rows": "每叶最少行数",
    "l2": "叶值惩罚",
    "calibration_fewest_windows": "重新校准至少需要的检验月数",
    "has_rates": "同时使用全年发生率",
    "season_share": "只有一年数据时往年同期信息的权重",
    "bag": "多组提升树",
    "forest": "随机树",
    "network": "小型神经网络",
    "members": "成员数",
    "share": "每次分裂可选特征的比例",
    "rows": "每个成员学习的行数比例",
    "layers": "各层单元数",
    "passes": "学习遍数",
    "rate": "学习步长",
    "batch": "每批行数",
}


def value_words(value: Any, contracts: Contracts) -> str:
    """``value`` as Chinese text: rules level by level, catalogues item by item, mappings and lists in one line."""
    if isinstance(value, bool):
        return "是" if value else "否"
    if value is None:
        return "未规定"
    if value in ({}, []):
        return "无"
    if isinstance(value, dict) and "levels" in value:
        return "；".join(_level(level, contracts) for level in value["levels"])
    if isinstance(value, dict):
        return "，".join(f"{LEARNING.get(key, key)} {value_words(item, contracts)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        if value and isinstance(value[0], dict):
            return "；".join(item.get("meaning") or " ".join(str(part) for part in item.values()) for item in value)
        return "、".join(value_words(item, contracts) for item in value)
    if isinstance(value, str) and value in contracts.columns:
        return contracts.columns[value].label
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
