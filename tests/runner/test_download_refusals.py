"""Downloads that a host refuses: tokens that stay with their host, gates, login pages, files that are gone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runner.models import download
from runner.models import source as sources
from runner.models.download import Downloader, DownloadError, WantedFile
from tests.runner.model_host import CONTENT, SHA256, ModelHost, downloader, model_host
from tests.support.runs import command

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


@pytest.fixture
def asked_through_a_mirror(
    host: ModelHost, target: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], tuple[int, str]]:
    """`ask(mirror)`: the exit code of fetching a model through `$HF_ENDPOINT`, HOST being the host, and all it said."""
    folder = target.parent.parent.parent / "comfyui"
    (folder / "models").mkdir(parents=True)
    monkeypatch.setattr(download.time, "sleep", lambda _: None)

    def ask(mirror: str) -> tuple[int, str]:
        monkeypatch.setenv("HF_ENDPOINT", mirror.replace("HOST", host.netloc))
        run = command("models", "download", "more-details", "--comfyui", str(folder), folder=folder)
        return run.code, run.out + run.err

    return ask


@pytest.mark.parametrize("mirror", [f"http://me:{SECRET}@HOST", f"http://HOST/hub?token={SECRET}", "http://HOST/hub/"])
@pytest.mark.parametrize("fault", [401, 403, 404, 410, 418, 503, "page", "circle", "unsafe", "no address"])
def test_no_refusal_shows_what_the_address_of_a_mirror_hides(
    host: ModelHost, asked_through_a_mirror: Callable[[str], tuple[int, str]], mirror: str, fault: int | str
) -> None:
    if isinstance(fault, int):
        host.statuses = [fault] * 20
    elif fault == "page":
        host.content_type = "text/html"
    else:
        host.redirect = {"circle": host.url, "unsafe": "ftp://elsewhere/x", "no address": "http://[::1"}[fault]
    code, said = asked_through_a_mirror(mirror)
    assert code == 2 and "more_details" in said and SECRET not in said


@pytest.mark.parametrize(
    ("mirror", "path", "login"),
    [
        ("http://HOST", "/digiplay/LORA/resolve/main/more_details.safetensors", None),
        ("http://HOST/hub/", "/hub/digiplay/LORA/resolve/main/more_details.safetensors", None),
        (
            f"http://HOST/hub/?token={SECRET}",
            f"/hub/digiplay/LORA/resolve/main/more_details.safetensors?token={SECRET}",
            None,
        ),
        ("http://me:a%20b@HOST", "/digiplay/LORA/resolve/main/more_details.safetensors", "Basic bWU6YSBi"),
    ],
)
def test_a_mirror_is_asked_as_its_address_says(
    host: ModelHost,
    asked_through_a_mirror: Callable[[str], tuple[int, str]],
    mirror: str,
    path: str,
    login: str | None,
) -> None:
    """A login was never sent, and what stood behind a ? came before the path."""
    with model_host(CONTENT) as storage:
        host.redirect = storage.url
        assert asked_through_a_mirror(mirror)[0] == 0
        assert {headers.get("Authorization") for _, headers in storage.seen} == {None}
    assert [(asked, headers.get("Authorization")) for asked, headers in host.seen] == [(path, login)]


def test_no_login_goes_to_a_mirror_unencrypted(asked_through_a_mirror: Callable[[str], tuple[int, str]]) -> None:
    code, said = asked_through_a_mirror(f"http://me:{SECRET}@mirror.example")
    assert code == 2 and "unencrypted" in said and SECRET not in said
