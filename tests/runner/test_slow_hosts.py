"""A host that hardly sends is not waited for without an end; one that is only slow is."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from runner.models.download import DownloadError, WantedFile
from tests.runner.model_host import CONTENT, SHA256, ModelHost, downloader
from tests.support.speed import HANG_S

PACE_S = 0.5


@pytest.mark.parametrize("announces", [True, False])
def test_a_host_that_sends_a_byte_at_a_time_is_given_up_in_words(
    host: ModelHost, target: Path, announces: bool
) -> None:
    """Each byte is within the limit between two pieces: 3 MB at one a minute would take six years."""
    host.trickle, host.announce_length = (1, 0.05), announces
    told: list[str] = []
    began = time.monotonic()
    with pytest.raises(DownloadError, match=r"only \d+ bytes came in 0.5 s"):
        downloader(tries=2, pace=PACE_S, notice=told.append).fetch(WantedFile(host.url, target, len(CONTENT), SHA256))
    assert time.monotonic() - began < HANG_S
    assert any("tried again" in line for line in told)
    host.trickle = None
    downloader().fetch(WantedFile(host.url, target, len(CONTENT), SHA256))
    assert target.read_bytes() == CONTENT


def test_a_slow_host_is_waited_for_longer_than_the_pace(host: ModelHost, target: Path) -> None:
    host.trickle = (len(CONTENT) // 10, PACE_S / 4)
    began = time.monotonic()
    told: list[str] = []
    downloader(tries=1, pace=PACE_S, notice=told.append).fetch(WantedFile(host.url, target, len(CONTENT), SHA256))
    assert target.read_bytes() == CONTENT
    assert time.monotonic() - began > 2 * PACE_S
    assert told == []


def test_a_host_that_drops_after_a_few_bytes_each_time_is_given_up(host: ModelHost, target: Path) -> None:
    """It gets on, and never arrives: some bytes a try are no progress."""
    host.drop_after = [10] * 50
    with pytest.raises(DownloadError, match="keeps breaking off"):
        downloader(tries=3).fetch(WantedFile(host.url, target, len(CONTENT), SHA256))
    assert len(host.drop_after) == 47
