"""One report for a batch: what all agree on, the verdict, each reason with its picture, one report each."""

from __future__ import annotations

from prodgen_nodes.imaging.reports import batch_report

FIRST = {"passed": True, "reasons": [], "notes": ["small"], "kind": "line", "width": 3.0}
SECOND = {"passed": False, "reasons": ["torn"], "notes": ["small", "dark"], "kind": "line", "width": 4.0}


def test_one_picture_has_its_own_report() -> None:
    assert batch_report([FIRST], width=9.0) == FIRST


def test_of_several_the_top_holds_only_what_holds_for_all() -> None:
    assert batch_report((FIRST, SECOND), widest=4.0) == {
        "passed": False,
        "reasons": ["picture 2: torn"],
        "notes": ["small", "dark"],
        "kind": "line",
        "widest": 4.0,
        "pictures": 2,
        "items": [FIRST, SECOND],
    }


def test_what_only_some_pictures_report_is_not_said_of_all() -> None:
    assert "reason" not in batch_report([{"opened": True}, {"opened": True, "reason": "flat"}])
    assert batch_report([{"a": 1}, {"a": 1}, {"a": 2}]).keys() == {"pictures", "items"}
