"""Codes and names that could be real in shape and belong to no one.

Organisation codes lie in PDY00001–PDY99999, which GB 11714-1997 reserves for private use; both check digits hold. Names
carry 模拟 and invented words. This module refuses to make more codes than the reserved range and its divisions allow.
"""

import numpy as np
from numpy.typing import NDArray

from pipelines.checks import ORGANISATION_SYMBOLS, ORGANISATION_WEIGHTS, USCC_SYMBOLS, USCC_WEIGHTS
from pipelines.errors import UsageError

RANGE = 99_999
LATER_BLOCKS = ("320700", "320721", "320701")
MOST = RANGE * (1 + len(LATER_BLOCKS))
FIRST_WORDS = "禾曜澄岚翎璟沐骁桐霁珩琅昕湛笙晗蔚峤蓁榛皓煦筠旻颢峻漪衡弈铮屿朔珂茗璨羿栩晏澈沅泓荃祺珞骥翊琛"
SECOND_WORDS = "瑭棠昱芃钰屹渊铎旌栎翰彧霖洵骞璇垣禹澍溪晟郁岑琪烁嵘淳楷逸枫棣翀煜阑竣锴黎沣岱靖恺畅霆昀诣睿"
GROUP_WORDS = "泰瀛穹麓"


def organisation_check(code: str) -> str:
    """Ninth symbol of an organisation code from its first eight (GB 11714-1997)."""
    total = sum(w * ORGANISATION_SYMBOLS.index(c) for w, c in zip(ORGANISATION_WEIGHTS, code, strict=True))
    check = 11 - total % 11
    return {10: "X", 11: "0"}.get(check, str(check))


def uscc_check(code: str) -> str:
    """Eighteenth symbol of a unified social credit code from its first seventeen (GB 32100-2015)."""
    total = sum(w * USCC_SYMBOLS.index(c) for w, c in zip(USCC_WEIGHTS, code, strict=True))
    return USCC_SYMBOLS[(31 - total % 31) % 31]


def usccs(divisions: list[str], rng: np.random.Generator) -> list[str]:
    """One code for each registration division; raises ``UsageError`` beyond what the reserved range can hold."""
    if len(divisions) > MOST:
        raise UsageError(f"the reserved range of codes holds {MOST} enterprises, not {len(divisions)}; ask for fewer")
    shift = int(rng.integers(RANGE))
    codes = []
    for place, division in enumerate(divisions):
        block, number = divmod(place, RANGE)
        organisation = f"PDY{(number * 7919 + shift) % RANGE + 1:05d}"
        authority = division if block == 0 else LATER_BLOCKS[block - 1]
        body = f"91{authority}{organisation}{organisation_check(organisation)}"
        codes.append(body + uscc_check(body))
    return codes


def unit_nos(count: int, rng: np.random.Generator) -> list[str]:
    """``count`` different ten-digit numbers of insured units."""
    shift = int(rng.integers(999_983))
    return [f"3207{(place * 7907 + shift) % 999_983:06d}" for place in range(count)]


def customs_codes(count: int) -> list[str]:
    """``count`` different ten-digit customs registration codes of the region 3207."""
    kinds = [(zone, kind) for zone in "29" for kind in "6439"]
    return [f"3207{''.join(kinds[place % 8])}{place // 8 + 1:04d}" for place in range(count)]


def brands(group: NDArray[np.int64], rng: np.random.Generator) -> list[str]:
    """Invent a brand for each enterprise; sisters of one group (numbers from 0, -1 = none) share theirs."""
    pairs = [a + b for a in FIRST_WORDS for b in SECOND_WORDS]
    order = rng.permutation(len(pairs))
    names = []
    for place, number in enumerate(group):
        if number >= 0:
            names.append(pairs[order[number % len(pairs)]] + GROUP_WORDS[number // len(pairs) % len(GROUP_WORDS)])
        else:
            names.append(pairs[order[place % len(pairs)]])
    return names


def rebranded(name: str, rng: np.random.Generator) -> str:
    """``name`` under another brand, as after a change of hands; itself where it shows no invented brand."""
    place = name.find("模拟") + 2
    other = FIRST_WORDS[int(rng.integers(len(FIRST_WORDS)))] + SECOND_WORDS[int(rng.integers(len(SECOND_WORDS)))]
    return f"{name[:place]}{other}{name[place + 2 :]}" if place >= 2 else name


def names(counties: list[str], marks: list[str], industry: list[str], member: NDArray[np.int64]) -> list[str]:
    """Make registered names, all different: county, 模拟, brand, industry, and a middle word where two were alike."""
    middle = ("", "科技", "实业", "发展", "集团", "工贸", "新材", "供应链", "智造", "股份", "控股", "联合")
    used: dict[str, int] = {}
    made = []
    for county, mark, word, position in zip(counties, marks, industry, member, strict=True):
        stem = f"{county}模拟{mark}{word}"
        turn = used.get(stem, int(position))
        used[stem] = turn + 1
        series = middle[turn % len(middle)] + ("" if turn < len(middle) else f"{turn // len(middle) + 1}部")
        made.append(f"{stem}{series}有限公司")
    return made
