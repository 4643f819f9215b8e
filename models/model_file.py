"""Fitted models as bytes and back: skops without pickle, a closed list of types, the same bytes for the same model.

Skops trusts hundreds of types by itself; here a file may name only what is listed below, checked before anything is
constructed. Refuses to ask the file which types it would like to have trusted.
"""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from zipfile import ZipFile, ZipInfo

from models.errors import DamagedArtefactError, ForeignTypeError

TRUSTED = [
    "builtins.bool",
    "builtins.dict",
    "builtins.float",
    "builtins.int",
    "builtins.list",
    "builtins.str",
    "builtins.tuple",
    "models.absence.Shifted",
    "models.absence.Silence",
    "models.calibrate.Platt",
    "models.estimators.Blend",
    "models.estimators.Constant",
    "models.estimators.Design",
    "models.estimators.Linear",
    "models.estimators.Trees",
    "models.seasonal.Seasonal",
    "models.severity.Severity",
    "models.train.Model",
    "numpy.bool",
    "numpy.float64",
    "numpy.int64",
    "numpy.ndarray",
    "numpy.random._generator.Generator",
    "numpy.uint64",
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn._loss._loss.CyHalfSquaredError",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.preprocessing._label.LabelEncoder",
]
"""Every type that a model file may name."""

LOADERS = [
    "DictNode",
    "JsonNode",
    "ListNode",
    "LossNode",
    "NdArrayNode",
    "ObjectNode",
    "RandomGeneratorNode",
    "TupleNode",
    "TypeNode",
]
"""Every way of construction that it may ask for: none of them calls a function that the file names."""

SCHEMA = "schema.json"


def dumps(model: object) -> bytes:
    """``model`` as bytes that depend on its content alone; raises ``ForeignTypeError`` for a type not on the list."""
    from skops import io  # noqa: PLC0415  seconds

    written = io.dumps(model)
    _refuse_foreign(written)
    return _numbered(written)


def loads(data: bytes) -> Any:
    """The model of ``data``; raises ``ForeignTypeError`` and ``DamagedArtefactError``."""
    from skops import io  # noqa: PLC0415  seconds

    try:
        _refuse_foreign(data)
        return io.loads(data, trusted=TRUSTED)
    except ForeignTypeError:
        raise
    except Exception as fault:  # a hostile file may fail anywhere in zip, JSON or skops
        raise DamagedArtefactError(
            f"model.skops cannot be read ({fault}); train again or fetch the folder again",
            officers="模型文件无法读取，改用规则评分。",
        ) from fault


def _refuse_foreign(data: bytes) -> None:
    nodes = list(_nodes(_schema(data)))
    types = {f"{node.get('__module__')}.{node.get('__class__')}" for node in nodes} - set(TRUSTED)
    loaders = {str(node.get("__loader__")) for node in nodes} - set(LOADERS)
    if types or loaders:
        raise ForeignTypeError(
            f"the model holds what is not on the closed list: {', '.join(sorted(types | loaders))}; do not use it",
            officers="模型文件含有未经许可的内容，已拒绝载入，改用规则评分。",
        )


def _schema(data: bytes) -> Any:
    with ZipFile(BytesIO(data)) as archive:
        return json.loads(archive.read(SCHEMA))


def _nodes(part: Any) -> Iterator[dict[str, Any]]:
    """Every object of the schema that says what it is to become, at any depth."""
    if isinstance(part, dict):
        if {"__class__", "__module__", "__loader__"} & set(part):
            yield part
        for child in part.values():
            yield from _nodes(child)
    elif isinstance(part, list):
        for child in part:
            yield from _nodes(child)


def _numbered(data: bytes) -> bytes:
    """``data`` with memory addresses as names replaced by numbers in order of appearance, and no dates."""
    schema = _schema(data)
    numbers: dict[str, int] = {}

    def number(address: object) -> int:
        return numbers.setdefault(str(address), len(numbers) + 1)

    for node in _nodes(schema):
        if "__id__" in node:
            node["__id__"] = number(node["__id__"])
        if "file" in node:
            node["file"] = f"{number(node['file'].removesuffix('.npy'))}.npy"
    renumbered = BytesIO()
    with ZipFile(BytesIO(data)) as old, ZipFile(renumbered, "w") as new:
        for name in old.namelist():
            if name != SCHEMA:
                new.writestr(ZipInfo(f"{number(name.removesuffix('.npy'))}.npy"), old.read(name))
        new.writestr(ZipInfo(SCHEMA), json.dumps(schema))
    return renumbered.getvalue()
