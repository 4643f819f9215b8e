"""How clerks write the name of an enterprise where they give no code: mostly as registered, not always.

The shares are in ``calibration.yml`` (assumptions). The way each name was spoilt is returned, so that what a reader
finds can be held against it. This module knows nothing of how names are read.
"""

from collections.abc import Callable, Sequence

import numpy as np

from pipelines.synthetic.calibration import calibration
from pipelines.synthetic.codes import FIRST_WORDS, SECOND_WORDS

CITY = "连云港"
_WIDE = str.maketrans("()ABCDEFGHIJ0123456789", "（）ＡＢＣＤＥＦＧＨＩＪ０１２３４５６７８９")


def written(names: Sequence[str], rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Each of ``names`` as some clerk wrote it, and the way in which; ``exact`` where nothing was changed."""
    shares = calibration()["clerks"]
    ways = list(shares)
    chosen = rng.choice(len(ways), size=len(names), p=np.array(list(shares.values())) / sum(shares.values()))
    spots = rng.random(len(names))
    texts = [_WAYS[ways[way]](name, spot) for name, way, spot in zip(names, chosen.tolist(), spots, strict=True)]
    told = [ways[way] if text != name else "exact" for way, text, name in zip(chosen, texts, names, strict=True)]
    return texts, told


def _spaced(name: str, spot: float) -> str:
    at = 1 + int(spot * (len(name) - 1))
    return f"{name[:at]} {name[at:]}"


def _bracketed(name: str, spot: float) -> str:
    """The place behind the brand, in brackets of either width."""
    place, rest = name[:2], name[2:]
    left, right = ("（", "）") if spot < 0.5 else ("(", ")")
    return f"{rest[:4]}{left}{place}{right}{rest[4:]}" if rest.startswith("模拟") else name


def _form(name: str, spot: float) -> str:
    return name.replace("有限公司", "有限责任公司" if spot < 0.6 else "公司")


def _prefixed(name: str, spot: float) -> str:
    return f"江苏省{CITY}市{name}" if spot < 0.3 else f"{CITY}市{name}"


def _noted(name: str, spot: float) -> str:
    return f"{name}（已注销）" if spot < 0.3 else f" {name}。"


def _short(name: str, _: float) -> str:
    """Place and brand, the trade left out."""
    return f"{name[:6]}公司" if "模拟" in name[:6] else name


def _placeless(name: str, _: float) -> str:
    return name[2:] if name[2:].startswith("模拟") else name


def _wrong_letter(name: str, spot: float) -> str:
    """One letter of the brand mistyped."""
    if name[2:4] != "模拟":
        return name
    at, words = (4, FIRST_WORDS) if spot < 0.5 else (5, SECOND_WORDS)
    other = words[(words.find(name[at]) + 1 + int(spot * 97)) % len(words)]
    return name[:at] + other + name[at + 1 :]


_WAYS: dict[str, Callable[[str, float], str]] = {
    "exact": lambda name, _: name,
    "width": lambda name, _: name.translate(_WIDE),
    "space": _spaced,
    "bracket": _bracketed,
    "form": _form,
    "prefix": _prefixed,
    "note": _noted,
    "short": _short,
    "no_place": _placeless,
    "letter": _wrong_letter,
}
