"""Large files fetched from a real host: resumed, verified, and no token where it does not belong."""

from __future__ import annotations

import gzip
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from runner.errors import EXIT_USAGE
from runner.models.download import DownloadError, WantedFile
from tests.runner.model_host import CONTENT, SHA256, ModelHost, downloader, model_host, weights
from tests.support.speed import HANG_S

SECRET = "hf_this-must-stay-secret"


def part(target: Path) -> Path:
    return target.with_name("a.safetensors.part")


def test_a_file_arrives_verified(host: ModelHost, target: Path) -> None:
    progress: list[tuple[int, int | None]] = []
    fetch = downloader(progress=lambda done, total: progress.append((done, total)))
    fetched = fetch.fetch(WantedFile(host.url, target, len(CONTENT), SHA256))
    assert target.read_bytes() == CONTENT
    assert not part(target).exists()
    assert (fetched.bytes, fetched.sha256, fetched.verified_by) == (len(CONTENT), SHA256, "manifest")
    assert progress[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)


def test_a_download_that_drops_goes_on_where_it_stopped(host: ModelHost, target: Path) -> None:
    host.drop_after = [1_200_000, 300_000]
    downloader().fetch(WantedFile(host.url, target, len(CONTENT), SHA256))
    assert target.read_bytes() == CONTENT
    ranges = [headers.get("Range") for _, headers in host.seen]
    assert ranges[0] is None
    assert all(asked and int(asked[6:-1]) > 0 for asked in ranges[1:])
    assert len(ranges) == 3


def test_a_later_run_takes_up_the_part(host: ModelHost, target: Path) -> None:
    target.parent.mkdir(parents=True)
    part(target).write_bytes(CONTENT[:2_000_000])
    downloader().fetch(WantedFile(host.url, target, len(CONTENT), SHA256))
    assert target.read_bytes() == CONTENT
    assert [headers.get("Range") for _, headers in host.seen] == ["bytes=2000000-"]


def test_a_complete_part_needs_no_request(host: ModelHost, target: Path) -> None:
    target.parent.mkdir(parents=True)
    part(target).write_bytes(CONTENT)
    downloader().fetch(WantedFile(host.url, target, len(CONTENT), SHA256))
    assert target.read_bytes() == CONTENT
    assert host.seen == []


def test_a_complete_part_of_unknown_size_is_confirmed_by_the_host(host: ModelHost, target: Path) -> None:
    target.parent.mkdir(parents=True)
    part(target).write_bytes(CONTENT)
    downloader().fetch(WantedFile(host.url, target, None, SHA256))
    assert target.read_bytes() == CONTENT


def test_a_part_of_another_file_is_started_over(host: ModelHost, target: Path) -> None:
    target.parent.mkdir(parents=True)
    part(target).write_bytes(b"old" * 100_000)
    downloader().fetch(WantedFile(host.url, target, len(CONTENT), SHA256))
    assert target.read_bytes() == CONTENT


NEWER = weights(len(CONTENT), seed=6)


@pytest.mark.parametrize("minds_version", [True, False])
@pytest.mark.parametrize("versions", [('"1"', '"2"'), ('W/"1"', 'W/"2"'), (None, None)])
@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_part_of_another_version_is_never_gone_on_with(
    host: ModelHost, target: Path, size: int | None, versions: tuple[str | None, str | None], minds_version: bool
) -> None:
    """Where no hash is known, half of the old version and half of the new one were taken for the file."""
    host.version, host.minds_version, host.drop_after = versions[0], minds_version, [1_000_000]
    with pytest.raises(DownloadError):
        downloader(tries=1).fetch(WantedFile(host.url, target, size, None))
    assert 0 < part(target).stat().st_size <= 1_000_000
    host.content, host.version = NEWER, versions[1]
    downloader().fetch(WantedFile(host.url, target, size, None))
    assert target.read_bytes() == NEWER
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_a_part_of_the_same_version_is_gone_on_with_without_a_hash(host: ModelHost, target: Path) -> None:
    host.version, host.drop_after = '"1"', [1_000_000]
    with pytest.raises(DownloadError):
        downloader(tries=1).fetch(WantedFile(host.url, target, None, None))
    downloader().fetch(WantedFile(host.url, target, None, None))
    assert target.read_bytes() == CONTENT
    assert 900_000 < int(host.seen[-1][1]["Range"][len("bytes=") : -1]) <= 1_000_000
    assert host.seen[-1][1]["If-Range"] == '"1"'


def test_a_file_replaced_between_two_tries_is_begun_anew(host: ModelHost, target: Path) -> None:
    host.version, host.drop_after = '"1"', [1_000_000]

    def replaced(_: str) -> None:
        host.content, host.version = NEWER, '"2"'

    downloader(notice=replaced).fetch(WantedFile(host.url, target, None, None))
    assert target.read_bytes() == NEWER


def test_a_part_longer_than_the_file_is_started_over(host: ModelHost, target: Path) -> None:
    target.parent.mkdir(parents=True)
    for size in (len(CONTENT), None):
        part(target).write_bytes(CONTENT + b"more")
        downloader().fetch(WantedFile(host.url, target, size, SHA256))
        assert target.read_bytes() == CONTENT


def test_a_host_without_ranges_sends_it_all_again(host: ModelHost, target: Path) -> None:
    host.ranges = False
    host.drop_after = [1_500_000]
    downloader().fetch(WantedFile(host.url, target, len(CONTENT), SHA256))
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("known", [True, False])
def test_a_host_that_announces_no_length(host: ModelHost, target: Path, known: bool) -> None:
    host.announce_length = False
    fetched = downloader().fetch(WantedFile(host.url, target, len(CONTENT) if known else None, SHA256))
    assert fetched.verified_by == "manifest"
    assert target.read_bytes() == CONTENT


def test_busy_answers_are_waited_out(host: ModelHost, target: Path) -> None:
    host.statuses = [503, 429, 500]
    downloader().fetch(WantedFile(host.url, target, len(CONTENT), SHA256))
    assert target.read_bytes() == CONTENT


def test_a_host_that_keeps_dropping_is_given_up_and_the_part_kept(host: ModelHost, target: Path) -> None:
    host.drop_after = [1_100_000, *[0] * 50]
    with pytest.raises(DownloadError, match="keeps breaking off") as caught:
        downloader(tries=3).fetch(WantedFile(host.url, target, len(CONTENT), SHA256))
    assert "continues after 1." in caught.value.advice
    kept = part(target).read_bytes()
    assert kept == CONTENT[: len(kept)]
    assert 1_000_000 < len(kept) <= 1_100_000
    assert not target.exists()


def test_a_host_that_cannot_be_reached_is_given_up_soon_and_once(target: Path) -> None:
    with model_host(b"") as gone:
        url, netloc = gone.url, gone.netloc
    said: list[str] = []
    fetch = downloader(notice=said.append, tokens={netloc: SECRET})
    with pytest.raises(DownloadError, match=f"a.safetensors: {netloc} cannot be reached from here") as caught:
        fetch.fetch(WantedFile(url.replace("//", "//me:password@"), target))
    assert url in caught.value.advice
    assert str(target) in caught.value.advice
    assert "continues" not in caught.value.advice
    assert said == [f"a.safetensors: {netloc}: no connection; tried again in 1 s."]
    target.parent.mkdir(parents=True, exist_ok=True)
    other = target.with_name("b.safetensors")
    other.with_name("b.safetensors.part").write_bytes(CONTENT[:2_000_000])
    with pytest.raises(DownloadError, match=f"b.safetensors: {netloc} cannot be reached from here") as later:
        fetch.fetch(WantedFile(url, other, None, SHA256))
    assert "continues after 2.0 MB" in later.value.advice
    assert len(said) == 1  # it was not even tried
    for text in (*said, str(caught.value), str(later.value)):
        assert SECRET not in text
        assert "password" not in text


def test_a_host_that_went_away_is_tried_as_often_as_one_that_drops(host: ModelHost, target: Path) -> None:
    said: list[str] = []
    host.drop_after = [1_100_000]

    def hear(text: str) -> None:
        said.append(text)
        host.server.socket.close()

    with pytest.raises(DownloadError, match="keeps breaking off"):
        downloader(tries=4, notice=hear).fetch(WantedFile(host.url, target, len(CONTENT), SHA256))
    assert len(said) == 3


def test_a_redirect_to_a_host_that_cannot_be_reached(host: ModelHost, target: Path) -> None:
    with model_host(b"") as gone:
        host.redirect, netloc = gone.url, gone.netloc
    fetch = downloader()
    with pytest.raises(DownloadError, match=f"{netloc} cannot be reached from here") as caught:
        fetch.fetch(WantedFile(host.url, target))
    assert host.url in caught.value.advice
    assert set(fetch.unreachable) == {netloc}


# -- what is not kept ----------------------------------------------------------------------------------------------


def test_a_host_that_packs_what_it_sends(host: ModelHost, target: Path) -> None:
    """The sizes it announces are those of the packed file; a right one was refused as another version."""
    packed = gzip.compress(CONTENT)
    host.content, host.headers = packed, {"Content-Encoding": "gzip"}
    assert downloader().fetch(WantedFile(host.url, target, len(CONTENT), SHA256)).verified_by == "manifest"
    assert target.read_bytes() == CONTENT
    target.unlink()
    part(target).write_bytes(CONTENT[:1000])  # a piece of the packed file does not fit behind it
    host.drop_after = [len(packed) // 2]
    downloader().fetch(WantedFile(host.url, target, len(CONTENT), SHA256))
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("status", [206, 416])
def test_a_size_of_thousands_of_digits_is_no_size(host: ModelHost, target: Path, status: int) -> None:
    digits = "9" * 5000
    span = f"bytes */{digits}" if status == 416 else f"bytes {digits}-{digits}/{digits}"
    host.headers, host.statuses = {"Content-Range": span}, [status] * 10
    target.parent.mkdir(parents=True)
    part(target).write_bytes(CONTENT[:1000])
    with pytest.raises(DownloadError):
        downloader().fetch(WantedFile(host.url, target, len(CONTENT), SHA256))
    assert not target.exists()


@pytest.mark.parametrize("status", [200, 416])
def test_an_empty_file_is_no_model(host: ModelHost, target: Path, status: int) -> None:
    """Where neither a size nor a hash is known, nothing else tells."""
    host.content, host.headers = b"", {"Content-Range": "bytes */0"}
    host.statuses = [status] * 10 if status == 416 else []
    with pytest.raises(DownloadError):
        downloader().fetch(WantedFile(host.url, target))
    assert not target.exists()


def test_a_wrong_hash_is_not_kept(host: ModelHost, target: Path) -> None:
    with pytest.raises(DownloadError, match="sha256 is") as caught:
        downloader().fetch(WantedFile(host.url, target, len(CONTENT), "0" * 64))
    assert caught.value.exit_code == EXIT_USAGE
    assert SHA256 in str(caught.value)
    assert not target.exists()
    assert not part(target).exists()


def test_a_wrong_size_is_noticed_before_anything_is_written(host: ModelHost, target: Path) -> None:
    with pytest.raises(DownloadError, match=r"has 3000000 bytes, the manifest says 5000000"):
        downloader().fetch(WantedFile(host.url, target, 5_000_000, SHA256))
    assert not part(target).exists()


def test_more_than_announced_is_not_kept(host: ModelHost, target: Path) -> None:
    host.announce_length = False
    with pytest.raises(DownloadError, match="were expected"):
        downloader().fetch(WantedFile(host.url, target, 1_500_000, SHA256))
    assert not target.exists()


def test_the_hosts_own_hash_stands_in_for_an_unknown_one(host: ModelHost, target: Path) -> None:
    host.headers = {"X-Linked-Etag": f'"{SHA256}"'}
    assert downloader().fetch(WantedFile(host.url, target)).verified_by == "host"
    target.unlink()
    host.headers = {"X-Linked-Etag": f'"{"1" * 64}"'}
    with pytest.raises(DownloadError, match="its host says"):
        downloader().fetch(WantedFile(host.url, target))
    assert not target.exists()


def test_a_file_replaced_at_its_host_is_not_downloaded_at_all(host: ModelHost, target: Path) -> None:
    host.headers = {"X-Linked-Etag": f'"{"1" * 64}"'}
    with pytest.raises(DownloadError, match="now publishes"):
        downloader().fetch(WantedFile(host.url, target, len(CONTENT), SHA256))
    assert not part(target).exists()


def test_without_any_hash_it_says_so(host: ModelHost, target: Path) -> None:
    fetched = downloader().fetch(WantedFile(host.url, target))
    assert (fetched.verified_by, fetched.sha256) == ("nothing", SHA256)


def test_a_full_disk_is_noticed_beforehand(host: ModelHost, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(target.parent.parent.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    with pytest.raises(DownloadError, match=r"3\.0 MB are needed, 1\.0 MB are free"):
        downloader().fetch(WantedFile(host.url, target, len(CONTENT), SHA256))
    assert not part(target).exists()


def test_a_folder_that_cannot_be_written_to(host: ModelHost, target: Path) -> None:
    part(target).mkdir(parents=True)
    with pytest.raises(DownloadError, match="cannot be written"):
        downloader().fetch(WantedFile(host.url, target, len(CONTENT), SHA256))


@pytest.mark.parametrize("place", ["/proc/models/a.safetensors", "FILE/checkpoints/a.safetensors"])
def test_a_models_folder_that_cannot_be_made(host: ModelHost, tmp_path: Path, place: str) -> None:
    (tmp_path / "FILE").write_text("")
    with pytest.raises(DownloadError, match="cannot be made or written to") as refused:
        downloader().fetch(WantedFile(host.url, tmp_path / place, len(CONTENT), SHA256))
    assert refused.value.exit_code == EXIT_USAGE


# -- access --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", [True, False])
def test_what_another_run_fetches_is_waited_for_and_not_fetched_again(
    host: ModelHost, target: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """Each waited in silence for the one before, and then fetched all of it again."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(target.parents[2] / "cache"))
    asked, all_wait = threading.Semaphore(0), threading.Semaphore(0)
    notices: list[str] = []
    answer = host.answer

    def answer_when_all_wait(request: BaseHTTPRequestHandler) -> None:
        asked.release()
        for _ in range(2):
            all_wait.acquire(timeout=HANG_S)
        answer(request)

    def wait(text: str) -> None:
        notices.append(text)
        all_wait.release()

    host.answer = answer_when_all_wait  # type: ignore[method-assign]
    wanted = WantedFile(host.url, target, *((len(CONTENT), SHA256) if known else (None, None)))
    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(downloader(notice=wait).fetch, wanted)]
        assert asked.acquire(timeout=HANG_S)
        runs += [pool.submit(downloader(notice=wait).fetch, wanted) for _ in range(2)]
        assert {run.result().sha256 for run in runs} == {SHA256}
    assert len(host.seen) == 1
    assert len(notices) == 2 and all("another run is fetching it" in notice for notice in notices)
