"""Contracts of feeds: a file is recognised by its header, and by one contract only."""

from dataclasses import replace

import pytest

from pipelines import contracts as contract_files
from pipelines.contract_faults import cross_faults
from pipelines.contracts import Feed
from pipelines.stages.ingest.grid import read
from pipelines.stages.ingest.header import parsed
from pipelines.stages.ingest.recognise import recognise

CONTRACTS = contract_files.load()
FEEDS = list(CONTRACTS.feeds.values())


def said(feed: Feed) -> set[str]:
    """Every name under which a column of ``feed`` may stand in a file."""
    return {parsed(word).whole for name, spec in feed.columns.items() for word in (*spec.header, name)}


each_feed = pytest.mark.parametrize("feed", FEEDS, ids=lambda feed: feed.feed)


@each_feed
def test_no_file_of_one_feed_fits_another(feed: Feed) -> None:
    for other in FEEDS:
        required = [(name, spec) for name, spec in other.columns.items() if not spec.optional]
        found = [name for name, spec in required if {parsed(w).whole for w in (*spec.header, name)} & said(feed)]
        assert (len(found) == len(required)) == (other is feed), other.feed


@each_feed
def test_a_file_is_known_by_its_header(feed: Feed) -> None:
    for place in (0, -1):
        header = ",".join(spec.header[place] for spec in feed.columns.values())
        assert recognise(read(header.encode()), None, contracts=CONTRACTS).feed is feed


@each_feed
def test_no_column_has_two_meanings_in_one_header(feed: Feed) -> None:
    words = [parsed(word).whole for name, spec in feed.columns.items() for word in dict.fromkeys((*spec.header, name))]
    assert sorted({word for word in words if words.count(word) > 1}) == []


def test_a_fact_needs_a_column_that_dates_it() -> None:
    feed = CONTRACTS.feeds["tax_month"]
    elsewhere = feed.model_copy(update={"provides": {"tax_month": {"month": "reported_month"}}})
    faults = cross_faults(CONTRACTS.columns, CONTRACTS.tables, replace(CONTRACTS, feeds={"tax_month": elsewhere}).feeds)
    assert faults == ["tax_month: tax_month.month must be the column that dates a row of the feed"]
