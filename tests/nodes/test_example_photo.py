"""The photo that the bundled workflows name lies in the input folder after the start, and nothing else is touched."""

from __future__ import annotations

from pathlib import Path

from tests.support.comfy import REPO, ComfyServer

PHOTO = REPO / "examples" / "handbag.jpg"


def test_a_server_that_has_started_has_the_photo(comfy_server: ComfyServer) -> None:
    assert (comfy_server.input_dir / "handbag.jpg").is_file()


def test_it_is_the_example_and_what_is_there_stays(tmp_path: Path) -> None:
    from custom_nodes.prodgen_nodes.nodes.example_photo import offer_example_photo

    assert offer_example_photo(tmp_path)
    assert (tmp_path / "handbag.jpg").read_bytes() == PHOTO.read_bytes()
    (tmp_path / "handbag.jpg").write_bytes(b"mine")
    assert not offer_example_photo(tmp_path)
    assert (tmp_path / "handbag.jpg").read_bytes() == b"mine"


def test_a_link_is_not_followed_and_a_folder_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    from custom_nodes.prodgen_nodes.nodes.example_photo import offer_example_photo

    (tmp_path / "handbag.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    assert not offer_example_photo(tmp_path)
    assert not (tmp_path / "elsewhere.jpg").exists()
    assert not offer_example_photo(tmp_path / "nowhere")
