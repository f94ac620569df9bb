"""What a shop's page wants to know of a picture: where it comes from, a title, words for who cannot see it.

Where it comes from is a matter of the workflow (`listing` in `workflows/index.yaml`); what the product looks like is
measured by the node that cuts it out, which says no more than it is sure of.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.console import clean_line
from runner.execution.outputs import FOUND, is_sighting
from runner.files.credentials import sign
from runner.files.xmp import SOURCES, add_xmp, packet
from runner.untrusted import mapping, text
from runner.workflow.graph import Workflow
from runner.workflow.index import read_index
from runner.workflow.origin import bundled_as

FILMS = (".gif", ".mp4")
"""Moving pictures that say it, too. They are not signed."""
_LONGEST = 200
"""Characters of what a node calls the product: a listing's title is shorter."""


def asked_of(workflow: Workflow) -> dict[str, str]:
    """What the record of a job says before it is made: `digital_source_type`, and what the picture `shows` around the
    product; nothing for a workflow of somebody's own."""
    published = bundled_as(workflow)
    if published is None:
        return {}
    known = read_index().listing.get(published.name, {})
    source, shows = text(known.get("source")), text(known.get("shows"))
    told = {"digital_source_type": source if source in SOURCES else "", "shows": shows}
    return {key: value for key, value in told.items() if value}


def listing(asked: Mapping[str, Any], reports: Mapping[str, Any]) -> dict[str, str]:
    """`title`, `alt` and `digital_source_type`, those that are known. A picture in which the product was not found was
    passed on: where it comes from is its maker's to say."""
    if not asked:
        return {}
    listings = [words for one in reports.values() if (words := mapping(mapping(one).get("listing")))]
    listings.sort(key=lambda words: words.get("recolored") is not True)  # what the photo showed is another colour
    named = listings[0] if listings else {}
    title, thing = (clean_line(text(named.get(key)))[:_LONGEST].strip() for key in ("title", "thing"))
    shows = text(asked.get("shows"))
    alt = f"{thing}{' ' if shows else ''}{shows}." if thing else ""
    is_passed_on = any(is_sighting(one) and one.get("verdict") != FOUND for one in map(mapping, reports.values()))
    source = "" if is_passed_on else text(asked.get("digital_source_type"))
    facts = {"title": title, "alt": alt, "digital_source_type": source}
    return {key: value for key, value in facts.items() if value}


def inscribe(path: Path, suffix: str, facts: Mapping[str, str]) -> None:
    """Put the same into a finished picture, and sign it where that was asked for."""
    source, title, alt = (facts.get(key, "") for key in ("digital_source_type", "title", "alt"))
    add_xmp(path, packet(source=source, title=title, alt=alt))
    sign(path, suffix, source=source, title=title)
