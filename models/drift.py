"""Whether tonight's enterprises still look like those the model was trained on: population stability index per feature.

Bins are tenths of the training rows cut at values that occur, missing is a bin of its own, counts are integers; the one
logarithm is rounded away. Refuses to judge: the limit is the caller's parameter.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

Values = NDArray[np.float64]
SCORE = "风险分布"
TENTHS = 10
DECIMALS = 4
MOST_LINES = 5
Counts = Mapping[str, Sequence[int]]
"""Rows per bin of each feature: missing, then up to each edge of the reference, then above the last."""
SCHEMA = {"feature_name": pl.String, "bin": pl.Int64, "upper": pl.Float64, "rows": pl.Int64}


def reference(names: Sequence[str], values: Values, scores: Values | None = None) -> pl.DataFrame:
    """What is kept of the rows compared with: feature_name, bin (0 is missing), upper (null: no end) and rows.

    ``values`` has shape (rows, names) with nan where missing, ``scores``, where there are any, shape (rows,). The score
    is named ``SCORE``.
    """
    parts: list[tuple[str, int, float | None, int]] = []
    for name, column in _columns(names, values, scores):
        edges = _edges(column)
        uppers = (None, *edges.tolist(), None)
        parts += zip([name] * len(uppers), range(len(uppers)), uppers, _counts(column, edges).tolist(), strict=True)
    return pl.DataFrame(parts, schema=SCHEMA, orient="row")


def compare(kept: pl.DataFrame, names: Sequence[str], values: Values, scores: Values | None = None) -> pl.DataFrame:
    """One row per feature and for the score: feature_name, stability_index, by_chance, missing_before, missing_now.

    ``by_chance`` is the index to be expected from sampling alone, which matters where rows are few; the last two are
    shares of all rows. Raises ``KeyError`` for a feature without a reference.
    """
    return compared(kept, counted(kept, names, values, scores))


def counted(kept: pl.DataFrame, names: Sequence[str], values: Values, scores: Values | None = None) -> Counts:
    """Rows per bin of the reference ``kept``; what ``compare`` needs of a part. Raises ``KeyError`` as it does."""
    known = _by_feature(kept)
    return {
        name: _counts(column, known[name]["upper"].drop_nulls().to_numpy()).tolist()
        for name, column in _columns(names, values, scores)
    }


def added(one: Counts, other: Counts) -> Counts:
    """The counts of two parts together; a part without any counts nothing."""
    if not one or not other:
        return one or other
    return {name: [left + right for left, right in zip(one[name], other[name], strict=True)] for name in one}


def compared(kept: pl.DataFrame, counts: Counts) -> pl.DataFrame:
    """``compare`` of ``counts``."""
    known = _by_feature(kept)
    rows = [_compared(name, known[name], np.array(now, dtype=np.int64)) for name, now in counts.items()]
    schema = ("feature_name", "stability_index", "by_chance", "missing_before", "missing_now")
    return pl.DataFrame(rows, schema=list(schema), orient="row")


def drifted(limit: float) -> pl.Expr:
    """Whether the index of a row of ``compare`` is above ``limit`` by more than chance."""
    return pl.col("stability_index") - pl.col("by_chance") > limit


def summary(compared: pl.DataFrame, labels: Mapping[str, str], *, limit: float) -> list[str]:
    """Chinese lines for the report: what moved, most first, and that nothing did."""
    moved = compared.filter(drifted(limit)).sort("stability_index", "feature_name", descending=[True, False])
    if moved.is_empty():
        what = f"{compared.height - 1}项特征和{SCORE}的稳定性指标（PSI，扣除抽样波动）"
        return [f"模型输入与训练期相比稳定：{what}均未超过{limit:g}。"]
    lines = [
        f"模型输入有{moved.height}项与训练期相比变化较大（PSI扣除抽样波动后超过{limit:g}），使用预测结果时请留意："
    ]
    for row in moved.head(MOST_LINES).iter_rows(named=True):
        lines.append(
            f"{labels.get(row['feature_name'], row['feature_name'])}：PSI {row['stability_index']:.2f}{_gap(row)}"
        )
    if moved.height > MOST_LINES:
        lines.append(f"另有{moved.height - MOST_LINES}项，见漂移表。")
    return lines


def _gap(row: Mapping[str, float]) -> str:
    before, now = (f"{row[name]:.1%}" for name in ("missing_before", "missing_now"))
    return f"，缺失比例由{before}变为{now}" if before != now else ""


def _by_feature(kept: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {str(key[0]): part.sort("bin") for key, part in kept.group_by("feature_name")}


def _columns(names: Sequence[str], values: Values, scores: Values | None) -> Iterator[tuple[str, Values]]:
    yield from zip(names, values.T, strict=True)
    if scores is not None:
        yield SCORE, scores


def _edges(column: Values) -> Values:
    """Upper ends of the bins but the last: values that occur, each once; none where nothing is known."""
    known = np.sort(column[~np.isnan(column)])
    places = [-(-len(known) * tenth // TENTHS) - 1 for tenth in range(1, TENTHS)]
    edges: Values = np.unique(known[places]) if len(known) else known
    return edges[edges < known[-1]] if len(known) else edges


def _counts(column: Values, edges: Values) -> NDArray[np.int64]:
    """Rows per bin: missing, then up to each edge, then above the last."""
    missing = np.isnan(column)
    place = np.where(missing, 0, np.searchsorted(edges, column) + 1)
    return np.bincount(place, minlength=len(edges) + 2).astype(np.int64)


def _compared(name: str, kept: pl.DataFrame, now: NDArray[np.int64]) -> tuple[str, float, float, float, float]:
    """The index with half a row added to every bin, so that an empty one stays finite."""
    before = kept["rows"].to_numpy()
    total_before, total_now = int(before.sum()), int(now.sum())
    share_before = (before + 0.5) / (total_before + 0.5 * len(before))
    share_now = (now + 0.5) / (total_now + 0.5 * len(now))
    terms = (share_now - share_before) * np.log(share_now / share_before)
    used = int(((before > 0) | (now > 0)).sum())
    chance = (used - 1) * (1 / max(total_before, 1) + 1 / max(total_now, 1))
    missing = (int(before[0]) / max(total_before, 1), int(now[0]) / max(total_now, 1))
    return name, round(sum(terms.tolist()), DECIMALS), round(chance, DECIMALS), *missing
