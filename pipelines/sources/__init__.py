"""Sources: what departments keep on their own servers, brought as files into ``inbox/<feed>/``.

A source knows two deeds: ``probe`` (what is new there) and ``fetch`` (one new thing, as a finished file). This package
decides nothing about data: what it brings is landed by the ordinary ingest, and only then is it on record as fetched.
"""

from pipelines.sources.fetching import Land, Outcome, fetch
from pipelines.sources.logins import Login, login_of
from pipelines.sources.positions import Standing, standing

__all__ = ["Land", "Login", "Outcome", "Standing", "fetch", "login_of", "standing"]
