"""The pages lead to each other: no link is dead, and the index names every page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runner.workflow.load import available_workflows
from tests.support.comfy import REPO

PAGES = [*REPO.glob("*.md"), *REPO.glob("docs/*.md"), *REPO.glob("benchmarks/*.md"), *REPO.glob("examples/*.md")]
_VERSION = re.compile(r"\b\w+\.v\d+\b")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub writes them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPO).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists() and target.is_relative_to(REPO), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}"


def test_a_page_names_the_newest_version_without_its_number() -> None:
    newest = {f"{name}.v{versions[-1]}" for name, versions in available_workflows().items()}
    named = {(page.name, each) for page in REPO.glob("docs/*.md") for each in _VERSION.findall(page.read_text("utf-8"))}
    assert {pair for pair in named if pair[1] in newest} == set()
    assert named, "an older version is named somewhere, so that the pattern finds some"


def test_the_index_names_every_page() -> None:
    index = set(_LINK.findall((REPO / "docs" / "README.md").read_text(encoding="utf-8")))
    assert {page.name for page in (REPO / "docs").glob("*.md")} - {"README.md"} <= index


def test_the_readme_is_one_screen_of_pictures_and_commands() -> None:
    text = (REPO / "README.md").read_text(encoding="utf-8")
    assert len(text) <= 6000 and "docs/README.md" in _LINK.findall(text)
