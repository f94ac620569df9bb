"""Downloads that a host refuses: tokens that stay with their host, gates, login pages, files that are gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.models import source as sources
from runner.models.download import Downloader, DownloadError, WantedFile
from tests.runner.model_host import CONTENT, SHA256, ModelHost, downloader, model_host

SECRET = "hf_this-must-stay-secret"


def test_the_token_goes_to_its_own_host_and_not_to_where_it_redirects(host: ModelHost, target: Path) -> None:
    with model_host(CONTENT) as storage:
        host.redirect = storage.url
        fetch = downloader(tokens={host.netloc: SECRET})
        fetch.fetch(WantedFile(host.url, target, len(CONTENT), SHA256))
        assert [headers.get("Authorization") for _, headers in host.seen] == [f"Bearer {SECRET}"]
        assert [headers.get("Authorization") for _, headers in storage.seen] == [None]
        assert all(SECRET not in str(headers) for _, headers in storage.seen)
    assert target.read_bytes() == CONTENT


def test_no_token_for_other_hosts_and_none_from_netrc(
    host: ModelHost, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text(f"default login user password {SECRET}\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    downloader(tokens={"huggingface.co": SECRET}).fetch(WantedFile(host.url, target, len(CONTENT), SHA256))
    assert [headers.get("Authorization") for _, headers in host.seen] == [None]


def test_tokens_come_from_the_environment_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", f" {SECRET} ")
    monkeypatch.delenv("CIVITAI_TOKEN", raising=False)
    assert Downloader().tokens == {"huggingface.co": SECRET}


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_model_is_explained(
    host: ModelHost, target: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(sources, "TOKEN_VARIABLES", {"127.0.0.1": "HF_TOKEN"})
    host.statuses = [status]
    with pytest.raises(DownloadError, match=f"HTTP {status}") as caught:
        downloader().fetch(WantedFile(host.url, target, page="https://example.org/model"))
    assert "HF_TOKEN" in caught.value.advice
    assert "https://example.org/model" in caught.value.advice


def test_a_refused_token_is_not_shown(host: ModelHost, target: Path) -> None:
    host.statuses = [403]
    with pytest.raises(DownloadError) as caught:
        downloader(tokens={host.netloc: SECRET}).fetch(WantedFile(host.url, target))
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.__cause__)


def test_a_login_page_is_not_saved_as_a_model(host: ModelHost, target: Path) -> None:
    host.content_type = "text/html; charset=utf-8"
    with pytest.raises(DownloadError, match="web page"):
        downloader().fetch(WantedFile(host.url, target))
    assert not target.exists()


def test_a_file_that_is_gone(host: ModelHost, target: Path) -> None:
    host.statuses = [404]
    with pytest.raises(DownloadError, match="no longer"):
        downloader().fetch(WantedFile(host.url, target))


def test_redirects_end(host: ModelHost, target: Path) -> None:
    host.redirect = host.url
    with pytest.raises(DownloadError, match="circles"):
        downloader().fetch(WantedFile(host.url, target))
    host.redirect = "file:///etc/passwd"
    with pytest.raises(DownloadError, match="unsafe"):
        downloader().fetch(WantedFile(host.url, target))


def test_https_is_never_left_for_http() -> None:
    with pytest.raises(DownloadError, match="unsafe"):
        sources._redirected("https://huggingface.co/a", "http://huggingface.co/a")
    assert sources._redirected("https://a.org/x/y", "../z") == "https://a.org/z"
