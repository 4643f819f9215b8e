"""How every page of ours is made from its template: escaped, strict about names, with formats that all of them share.

A page is whole in itself: nothing in it asks a server for anything.
"""

from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipelines import formats


def environment(templates: Path, **filters: Callable[..., str]) -> Environment:
    """The templates of HTML pages in the folder ``templates``, with ``filters`` beside the shared formats."""
    made = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shared = {
        "count": formats.count,
        "signed": formats.signed,
        "percent": formats.percent,
        "signed_percent": formats.signed_percent,
        "month": formats.month,
        "instant": formats.instant,
    }
    made.filters.update(shared | filters)
    return made
