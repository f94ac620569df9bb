"""A `filename_prefix` that cannot be saved under is said in a sentence, before the work where it can be known."""

from __future__ import annotations

import pytest

from runner.execution.failures import node_failure
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, Graph, flat


def saving_under(prefix: str) -> Graph:
    graph = flat(0xFF0000)
    graph["2"]["inputs"]["filename_prefix"] = prefix
    return graph


@pytest.mark.parametrize("prefix", ["../x", "a/../../x", "..", "../", "./../x", "%date:yyyy%/../../x", "a\0b"])
def test_what_leads_out_is_refused_before_the_work(comfy_server: ComfyServer, desk: Desk, prefix: str) -> None:
    run = desk.submit(saving_under(prefix), "--json")
    assert run.code == 4, run.err
    assert "leads out of the server's output folder" in run.err
    assert not run.of("queued")
    assert "Traceback" not in run.err


@pytest.mark.parametrize("prefix", ["/tmp/x", "/x", "/", "y" * 300, "d/" + "y" * 300, "/dev/null/x", "\ud800"])
def test_what_only_the_server_can_know_is_told_in_a_sentence(desk: Desk, prefix: str) -> None:
    run = desk.submit(saving_under(prefix), "--json")
    assert run.code in (2, 4, 5), run.err
    (failed,) = run.of("failed")
    if run.code == 5:
        assert "could not save under filename_prefix" in failed["message"]
        assert "below the server's output folder" in failed["advice"]
    for said in (run.err, failed["message"]):
        assert "Traceback" not in said and 'File "' not in said and "raised at" not in said
    assert not [path for path in run.files if path.suffix == ".part"]


@pytest.mark.parametrize("prefix", ["a..b", "..a", "x/a..", "a/b/..c"])
def test_what_the_server_would_not_hand_out_is_refused_before_the_work(desk: Desk, prefix: str) -> None:
    """It was made four times and could not be fetched."""
    run = desk.submit(saving_under(prefix), "--json")
    assert run.code == 4, run.err
    assert "holds “..”" in run.err
    assert not run.of("queued")


@pytest.mark.parametrize("prefix", ["a", "a/b/c", "a/../b", "..a/b", "%date:yyyy-MM-dd%/x", ""])
def test_what_stays_below_is_saved(desk: Desk, prefix: str) -> None:
    run = desk.submit(saving_under(prefix))
    assert run.code == 0, run.err


@pytest.mark.parametrize("prefix", ["a\nb", "\r\n", "\x01", "a\x7f/b\x1b"])
def test_what_comfyui_would_save_and_never_send_is_saved_under_another_name(desk: Desk, prefix: str) -> None:
    """The line break of a prompt that a prefix refers to: the picture was made, and could not be fetched."""
    run = desk.submit(saving_under(prefix), "--timeout", "60")
    assert run.code == 0, run.err
    assert len(run.pictures) == 1


def test_the_trace_is_kept_for_whoever_looks_into_it() -> None:
    trace = ['  File "nodes.py", line 1, in save\n', "OSError: [Errno 36] File name too long: '/srv/x'\n"]
    error = {
        "node_id": "2",
        "exception_type": "OSError",
        "exception_message": "[Errno 36] File name too long: '/srv/x'",
        "traceback": trace,
    }
    failure = node_failure(error, saving_under("x"))
    assert "nodes.py" not in str(failure)
    assert "File name too long" in str(failure)
    assert "nodes.py" in failure.trace  # type: ignore[attr-defined]
    other = node_failure({**error, "exception_message": "cannot write mode F as PNG"}, saving_under("x"))
    assert "nodes.py" not in str(other)
    assert "nodes.py" in other.trace  # type: ignore[attr-defined]
