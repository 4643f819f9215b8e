"""Employers as a register of notices names them: one key for spellings that differ in what says nothing.

Conservative: case, accents, punctuation, the mark of an amendment, legal forms, and a site at the end go away only
where the row itself shows that they are one (its own place, a number, a word such as "store"). Two firms that share
most of a name stay two; a name that would vanish stays as it is.
"""

import re
import unicodedata
from functools import lru_cache

CHANGED = r"(?<![a-z])(?:updat(?:e|ed|es)|revised|amended|corrected|rescinded)(?![a-z])"
MARK = (
    r"(?<![a-z])(?:updat(?:e|ed|es)|revis(?:ed|ion)|amend(?:ed|ment)|corrected|supplement(?:al|ary)?|addendum|resci\w+)"
    r"(?![a-z])"
)
"""Words by which a register marks a row that changes an earlier one; at the beginning only those few."""
MARKED_PART = re.compile(rf"^\W*{CHANGED}\W+|\([^()]*{MARK}[^()]*\)|[-–—*/:]\s*(?:notice\s+)?{MARK}.*$")
MARK_AT_END = re.compile(rf"\s{MARK}(?:\s*(?:#|no\.?|number|to)?\s*[\d/.-]+)?\W*$")
ORDINAL_NOTICE = re.compile(r"(?<![a-z\d])\d+(?:st|nd|rd|th)\s+notice(?![a-z])")
NOISE = re.compile(
    r"covid\s*-?\s*19|(?:multiple|various) (?:locations|sites)|multi-?site|statewide"
    r"|\(?phase\s+\w+\)?\s*$|#\s*\d+\)?\s*$"
)
"""What a register adds to a name: the reason of the day, how many sites, which part of a layoff, a store's number."""
TRADES_AS = re.compile(r"(?<![a-z])(?:d\s*/?\s*b\s*/?\s*a|d\.b\.a|doing business as)(?![a-z])\.?")
INITIALS = re.compile(r"(?<![a-z])((?:[a-z]\.\s?){2,})")
NUMBERED = re.compile(r"(?:(?:store|branch|unit|plant|location|site|no|number|facility|warehouse)\s+)+\d+$")
LEGAL_FORMS = frozenset(
    (
        *("inc", "incorporated", "corp", "corporation", "co", "company", "companies", "ltd", "limited", "llc", "llp"),
        *("lp", "plc", "pc", "pllc", "na", "sa", "ag", "gmbh", "nv", "bv"),
    )
)
SEPARATED = re.compile(r"\s[-–—]+\s|\s*\(|\s@\s|\s+at\s+|,\s")


def has_mark(name: str) -> bool:
    """Whether ``name`` itself says that the notice changes an earlier one."""
    text = _plain(name)
    return bool(MARKED_PART.search(text) or MARK_AT_END.search(text) or ORDINAL_NOTICE.search(text))


@lru_cache(maxsize=200_000)
def employer_key(name: str, places: tuple[str, ...] = ()) -> str:
    """The key of an employer named ``name`` in a row whose own ``places`` (town, county, state) are given.

    Never empty for a name with a letter or digit in any script.
    """
    text = _plain(name)
    for pattern in (MARKED_PART, MARK_AT_END, ORDINAL_NOTICE, NOISE):
        text = pattern.sub(" ", text)
    legal = TRADES_AS.split(text, maxsplit=1)[0]
    key = _words(_without_site(legal, frozenset(_words(_plain(place)) for place in places)))
    key = _without_legal_form(NUMBERED.sub("", key).strip())
    return key or _words(_plain(name))


def family(key: str) -> str:
    """The first two words of an employer's key: names of one family often begin alike. Never used to join employers."""
    return " ".join(key.split()[:2])


def _plain(text: str) -> str:
    """Lower case without accents and apostrophes."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign))
    return re.sub(r"['’`´]", "", bare)


def _words(text: str) -> str:
    """Words of letters and digits of any script; initials with stops are one word, & is and."""
    joined = INITIALS.sub(lambda found: re.sub(r"[.\s]", "", found[1]) + " ", text.replace("&", " and "))
    return " ".join(re.findall(r"[^\W_]+", joined))


def _without_site(text: str, places: frozenset[str]) -> str:
    """``text`` without parts at its end that are the row's own place, with a number or without, or a number alone."""
    while True:
        cuts = list(SEPARATED.finditer(text))
        if not cuts or not text[: cuts[-1].start()].strip():
            return text
        tail = _words(text[cuts[-1].end() :])
        if re.sub(r"\s*\d+$", "", tail) not in places | {""} and not NUMBERED.fullmatch(tail):
            return text
        text = text[: cuts[-1].start()]


def _without_legal_form(key: str) -> str:
    words = key.split()
    while len(words) > 1 and words[-1] in LEGAL_FORMS:
        words.pop()
    return " ".join(words[1:] if len(words) > 1 and words[0] == "the" else words)
