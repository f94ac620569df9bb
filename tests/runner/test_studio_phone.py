"""The address for a phone, opened as people open it: typed, scanned, or tapped in a page of somebody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from tests.runner.report_browser import start, until
from tests.runner.test_studio_guard import opened

KEY = "s3cret-key"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    started = start(tmp_path_factory.mktemp("profile"))
    yield started
    started.quit()


@contextmanager
def page_elsewhere(body: str) -> Iterator[str]:
    """A page of another site: a mailbox or a chat that a browser shows."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://localhost:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def test_the_address_opens_the_page_where_it_is_tapped_in_a_page_of_somebody_else(
    browser: webdriver.Chrome, tmp_path: Path
) -> None:
    """A seller mails the address to herself: the browser comes from another site, and brought no strict cookie."""
    with (
        opened(tmp_path / "out", KEY) as (url, _),
        page_elsewhere(f'<a id="there" href="{url}/?key={KEY}">studio</a>') as mailbox,
    ):
        browser.get(mailbox)
        browser.find_element(By.ID, "there").click()
        until(lambda: browser.current_url == f"{url}/")
        until(lambda: "prodgen" in browser.title.casefold())
        browser.get(f"{url}/")
        assert "prodgen" in browser.title.casefold(), "and again, without the key"


def test_a_page_of_somebody_else_reads_and_changes_nothing_with_the_phone_s_key(
    browser: webdriver.Chrome, tmp_path: Path
) -> None:
    asking = """<script>
    window.said = [];
    for (const [path, options] of [
        ["/", {}], ["/events", {}], ["/photos", {method: "POST", body: "x"}],
        ["/photos", {method: "POST", body: "x", headers: {"x-prodgen": "studio"}}],
    ]) for (const mode of ["cors", "no-cors"])
        fetch("URL" + path, {...options, mode, credentials: "include"})
            .then(answer => window.said.push(answer.type), () => window.said.push("refused"));
    </script>"""
    with opened(tmp_path / "out", KEY) as (url, desk):
        browser.get(f"{url}/?key={KEY}")
        with page_elsewhere(asking.replace("URL", url)) as evil:
            browser.get(evil)
            until(lambda: len(browser.execute_script("return window.said")) == 8)
            assert set(browser.execute_script("return window.said")) <= {"refused", "opaque"}
        assert desk.snapshot().shots == ()
