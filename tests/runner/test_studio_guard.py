"""Who may speak to the studio, and what it takes from them; no ComfyUI and no browser is needed for that."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.batch.ledger import Ledger
from runner.batch.order import BatchOrder
from runner.desk.desk import Desk, _as_the_page_says
from runner.errors import EXIT_INTERRUPTED, UsageError
from runner.events import Failed
from runner.studio import serving
from runner.studio.guard import Door
from runner.studio.serving import Address, listen, served
from tests.runner.studio_page import product

OWN = {"x-prodgen": "studio"}


@contextmanager
def opened(out: Path, key: str = "") -> Iterator[tuple[str, Desk]]:
    """A studio that takes photos and has nobody who makes anything of them."""
    desk = Desk(out, BatchOrder("", out), lambda _order, _view: 0, print)
    address = listen(0, phone=False)
    address = Address(address.listener, address.host, address.port, Door(address.door.hosts, key))
    with served(desk, address):
        yield f"http://127.0.0.1:{address.port}", desk


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[str]:
    with opened(tmp_path / "out") as (url, _):
        yield url


def hand_in(url: str, photo: Path, name: str = "", workflow: str = "packshot", **headers: str) -> requests.Response:
    settings = {"x-settings": quote(json.dumps({"workflow": workflow, "shop": "ebay"}))}
    head = {**OWN, "x-name": quote(name or photo.name), **settings, **headers}
    return requests.post(f"{url}/photos", data=photo.read_bytes(), headers=head, timeout=30)


def test_its_own_page_is_answered_and_may_load_nothing_else(studio: str) -> None:
    page = requests.get(studio, timeout=30)
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert " style=" not in page.text and "onclick" not in page.text and "http:" not in page.text
    for asset in ("page.css", "page.js", "paint.js", "icon.svg"):
        text = requests.get(f"{studio}/{asset}", timeout=30).text
        assert text and "https://" not in text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),  # a name that was rebound to this machine
        ({"Host": "localhost.evil.example:80"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"x-prodgen": ""}, 403),  # what a form of another page can send
    ],
)
def test_no_other_page_hands_anything_in(studio: str, tmp_path: Path, headers: dict[str, str], status: int) -> None:
    photo = product(tmp_path / "bag.png")
    assert hand_in(studio, photo, **headers).status_code == status
    assert not (tmp_path / "out").exists()
    assert hand_in(studio, photo).status_code == 200


def test_no_other_page_sees_a_picture(studio: str, tmp_path: Path) -> None:
    number = hand_in(studio, product(tmp_path / "bag.png")).json()["id"]
    small = f"{studio}/shots/{number}/small/photo"
    own = requests.get(small, timeout=30)
    assert own.headers["content-type"] == "image/webp" and own.content.startswith(b"RIFF")
    foreign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    for address in (small, f"{studio}/zip", f"{studio}/events", f"{studio}/page.js"):
        assert requests.get(address, headers=foreign, timeout=30).status_code == 403
    visit = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert requests.get(studio, headers=visit, timeout=30).status_code == 200, "a link may lead here"


def test_a_name_leads_nowhere_and_stays_readable(studio: str, tmp_path: Path) -> None:
    photo = product(tmp_path / "bag.png")
    names = [
        "../../etc/passwd.png",
        "..\\..\\boot.png",
        "/etc/cron.d/x.png",
        "CON.png",
        "a\0b\n.png",
        "." * 300,
        "ü.HEIC",
    ]
    for name in names:
        assert hand_in(studio, photo, name).status_code == 200, name
    kept = [path for path in (tmp_path / "out" / "photos").rglob("*") if path.is_file()]
    assert len(kept) == len(names)
    assert {path.parent.parent for path in kept} == {tmp_path / "out" / "photos"}
    assert not any(path.name.upper().startswith("CON.") for path in kept)


def test_what_is_no_photo_or_too_much_is_refused_in_words(
    studio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = tmp_path / "letter.jpg"
    letter.write_text("<script>alert(1)</script>")
    answer = hand_in(studio, letter, "<b>letter.jpg")
    assert answer.status_code == 422
    assert "this is not a picture" in answer.json()["message"] and "<" not in answer.json()["message"]
    assert str(tmp_path) not in answer.text and "/tmp" not in answer.text
    photo = product(tmp_path / "bag.png")
    for workflow in ("../packshot", "grip", "", "packshot.v1"):
        refused = hand_in(studio, photo, workflow=workflow)
        assert refused.status_code == 422 and "to be made here" in refused.json()["message"]
    monkeypatch.setattr("runner.studio.app.LARGEST", 100)
    assert hand_in(studio, photo).status_code == 413
    pieces = requests.post(f"{studio}/photos", data=iter([b"x" * 90, b"x" * 90]), headers=OWN, timeout=30)
    assert pieces.status_code == 413, "a length that is not said is counted"
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.suffix == ".jpg"]


_ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just("\ud800"), st.just("a\0b"),
    st.lists(st.text(), max_size=2), st.dictionaries(st.text(), st.integers(), max_size=2),
)  # fmt: skip


asked_for = given(workflow=st.sampled_from(["packshot", "cutout", "relight_iclight"]), shop=_ODD, words=_ODD)


@asked_for
@settings(max_examples=10)
def test_whatever_is_asked_for_is_taken_or_refused_in_words(workflow: str, shop: object, words: object) -> None:
    check_asked_for(workflow, shop, words)


@pytest.mark.slow
@asked_for
@settings(max_examples=40)
def test_whatever_is_asked_for_dozens_of_times_is_taken_or_refused(workflow: str, shop: object, words: object) -> None:
    check_asked_for(workflow, shop, words)


def check_asked_for(workflow: str, shop: object, words: object) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder, "out")) as (url, desk):
        photo = product(Path(folder, "bag.png"))
        asked = quote(json.dumps({"workflow": workflow, "shop": shop, "words": words}))
        answer = hand_in(url, photo, **{"x-settings": asked})
        assert answer.status_code in (200, 422), answer.text
        assert set(answer.json()) == ({"id"} if answer.status_code == 200 else {"message", "advice"})
        shots = desk.snapshot().shots
        assert len(shots) == (answer.status_code == 200)
        json.dumps([data for _, data in shots], ensure_ascii=False).encode()


def test_another_kind_of_connection_is_not_taken(studio: str) -> None:
    """A socket that upgrades is answered as any other request, and no fault of ours is told."""
    wanted = {"upgrade": "websocket", "connection": "upgrade", "sec-websocket-version": "13"}
    key = {"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}
    answer = requests.get(f"{studio}/page.css", headers={**wanted, **key}, timeout=30)
    assert answer.status_code == 200 and "content-security-policy" in answer.headers


def test_what_is_not_there_is_not_found(studio: str, tmp_path: Path) -> None:
    number = hand_in(studio, product(tmp_path / "bag.png")).json()["id"]
    for path in (
        "shots/0123456789abcdef/small/photo",
        f"shots/{number}/small/result",
        f"shots/{number}/small/..%2f..",
        f"shots/{number}/full/mask",
        f"shots/{number}/file/..%2fledger.sqlite",
        f"shots/{number}/file/.prodgen%2fledger.sqlite",
        "zip",
        "../runner/errors.py",
        "%2e%2e/pyproject.toml",
    ):
        assert requests.get(f"{studio}/{path}", timeout=30).status_code == 404, path
    assert requests.delete(f"{studio}/photos", headers=OWN, timeout=30).status_code == 405


def test_the_same_photo_twice_is_one_job_and_another_shop_another(tmp_path: Path) -> None:
    with opened(tmp_path / "out") as (url, desk):
        photo = product(tmp_path / "bag.png")
        first, second = (hand_in(url, photo).json()["id"] for _ in range(2))
        assert first == second
        settings = {"x-settings": quote(json.dumps({"workflow": "packshot", "shop": "amazon"}))}
        more = requests.post(f"{url}/shots/{first}/make", headers={**OWN, **settings}, timeout=30)
        assert more.json()["id"] != first
        mask = requests.post(f"{url}/shots/{first}/mask", data=photo.read_bytes(), headers=OWN, timeout=30)
        assert mask.json()["id"] == first, "a photo that is tried again stays the same"
        shots = {shot.id: shot for shot, _ in desk.snapshot().shots}
        assert len(shots) == 2 and len(shots[first].numbers) == 2 and shots[first].has_mask
        folder = shots[first].folder
        assert Ledger.exists(folder) and folder.name == "packshot_and_cutout.v6"
        told = requests.get(f"{url}/events", stream=True, timeout=30)
        line = next(one for one in told.iter_lines() if one)
        message = json.loads(line.removeprefix(b"data: "))
        assert message["standing"]["server"] == "starting"
        assert {one["id"] for one in message["shots"]} == set(shots)
        told.close()
    again = Desk(tmp_path / "out", BatchOrder("", tmp_path / "out"), lambda _order, _view: 0, print)
    assert {shot.id for shot, _ in again.snapshot().shots} == set(shots), "the ledger knows them after a restart"


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "out") as (url, desk):
        number = hand_in(url, product(tmp_path / "bag.png")).json()["id"]
        for name, ledger in (("shop", "made by another command"), ("cutout.v3", "no ledger at all")):
            file = tmp_path / "out" / name / ".prodgen" / "ledger.sqlite"
            file.parent.mkdir(parents=True)
            file.write_text(ledger)
        other = product(tmp_path / "other.png", (20, 90, 40))
        assert hand_in(url, other).status_code == 200
        assert hand_in(url, other, workflow="cutout").status_code == 422, "what cannot be noted is not promised"
        told: list[str] = []
        again = Desk(tmp_path / "out", BatchOrder("", tmp_path / "out"), lambda _order, _view: 0, told.append)
        assert number in {shot.id for shot, _ in again.snapshot().shots} and len(desk.snapshot().shots) == 2


def test_a_key_opens_the_door_for_a_phone(tmp_path: Path) -> None:
    with opened(tmp_path / "out", "s3cret-key") as (url, _):
        for address in (url, f"{url}/page.js", f"{url}/events", f"{url}/?key=wrong", f"{url}/?key=", f"{url}/?key=ü"):
            assert requests.get(address, timeout=30).status_code == 401, address
        assert "is wrong" in requests.get(f"{url}/?key=wrong", timeout=30).text
        assert "is missing" in requests.get(url, timeout=30).text
        assert hand_in(url, product(tmp_path / "bag.png")).status_code == 401
        with requests.Session() as phone:
            page = phone.get(f"{url}/?key=s3cret-key", timeout=30)
            assert page.status_code == 200 and page.url == f"{url}/", "the key does not stay in the address"
            cookie = page.history[0].headers["set-cookie"].lower()
            assert "httponly" in cookie and "samesite=lax" in cookie
            assert phone.get(f"{url}/page.js", timeout=30).status_code == 200


def test_where_it_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    here = listen(0, phone=False)
    assert here.host == "127.0.0.1" and here.listener.getsockname()[0] == "127.0.0.1" and here.door.key == ""
    with pytest.raises(UsageError, match="cannot be had"):
        listen(here.port, phone=False)
    here.listener.close()
    monkeypatch.setattr(serving, "_NOWHERE", ("127.0.0.1", 9))  # as where there is no network
    with pytest.raises(UsageError, match="needs a network"):
        listen(0, phone=True)


def test_with_a_phone_it_listens_to_the_network_and_has_a_key() -> None:
    try:
        there = listen(0, phone=True)
    except UsageError:
        pytest.skip("NOT RUN: this machine is in no network")
    with there.listener:
        assert there.listener.getsockname()[0] == there.host != "0.0.0.0"
        assert len(there.door.key) >= 20 and there.url.endswith(f"?key={there.door.key}")
        other = listen(0, phone=True)
        assert other.door.key != there.door.key
        other.listener.close()


def test_a_failure_is_said_as_it_is_with_a_page() -> None:
    advice = "a plain backdrop. Give a rough mask: --set hint=FILE. Or --set cutout_confidence=0."
    said = _as_the_page_says(Failed(1, "p", message="The product could not be cut out.", exit_code=5, advice=advice))
    assert said.startswith("failed: The product could not be cut out.")
    assert "paint over the product" in said and "--set" not in said
    stopped = Failed(1, "p", message="interrupted", exit_code=EXIT_INTERRUPTED)
    assert _as_the_page_says(stopped).startswith("not done yet")
