"""The list of models: what an entry must say, and a broken one named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.errors import ManifestError
from runner.models.manifest import load_manifest


def entry(**changes: Any) -> dict[str, Any]:
    base = {"id": "tiny", "purpose": "p", "folder": "loras", "file": "tiny.safetensors", "url": None, "licence": "MIT"}
    return {**base, **changes}


def package(**changes: Any) -> dict[str, Any]:
    base = {"kind": "npm", "name": "@a/b", "version": "1.2", "bytes": 9, "sha256": "a" * 64, "file": "package/x"}
    return {**base, **changes}


def manifest_file(folder: Path, *entries: Any) -> Path:
    path = folder / "manifest.yaml"
    path.write_text(yaml.safe_dump({"models": list(entries)}), encoding="utf-8")
    load_manifest.cache_clear()
    return path


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (entry(folder="../elsewhere"), "leave the models folder"),
        (entry(folder="/etc"), "leave the models folder"),
        (entry(file="../../x.safetensors"), "leave the models folder"),
        (entry(file="a\\..\\x.safetensors"), "leave the models folder"),
        (entry(file="C:x.safetensors"), "leave the models folder"),
        (entry(file="sub/../x"), "leave the models folder"),
        (entry(file=".hidden"), "leave the models folder"),
        (entry(file=""), "'file' is missing"),
        (entry(licence=None), "'licence' is missing"),
        (entry(sha256="abc", sha256_status="published"), "64 lower-case hex"),
        (entry(sha256="a" * 64), "exactly where there is no sha256"),
        (entry(sha256_status="published"), "exactly where there is no sha256"),
        (entry(sha256="a" * 64, sha256_status="guessed"), "sha256_status is one of"),
        (entry(bytes="7 GB"), "size in bytes"),
        (entry(bytes=0), "size in bytes"),
        (entry(url="http://example.org/x"), "must be https"),
        (entry(url="file:///etc/passwd"), "must be https"),
        (entry(licens="MIT"), "unknown field 'licens'. Did you mean 'licence'"),
        (entry(alternatives=["nobody"]), "unknown alternative 'nobody'"),
        (entry(instead="nobody"), "unknown alternative 'nobody'"),
        (entry(package="tiny"), "a package has the fields"),
        (entry(package={"kind": "npm"}), "a package has the fields"),
        (entry(package=package(licence="MIT")), "a package has the fields"),
        (entry(package=package(kind="cargo")), "kind is one of pypi, npm"),
        (entry(package=package(name="--index-url")), "no package's name"),
        (entry(package=package(name="https://example.org/x")), "no package's name"),
        (entry(package=package(name="../x")), "no package's name"),
        (entry(package=package(version="latest")), "no package's name and exact version"),
        (entry(package=package(sha256="abc")), "64 lower-case hex"),
        (entry(package=package(bytes=0)), "size in bytes"),
        (entry(package=package(sdist=True)), "only a package of kind pypi can be a source distribution"),
        (entry(package=package(kind="pypi", sdist=True, resource="/x")), "which holds its file whole"),
        (entry(package=package()), "needs its size and sha256, and no url"),
        ("tiny", "no mapping"),
    ],
)
def test_a_broken_entry_is_named(tmp_path: Path, broken: Any, words: str) -> None:
    with pytest.raises(ManifestError, match=re.escape(words)) as caught:
        load_manifest(manifest_file(tmp_path, broken))
    assert "entry 1" in str(caught.value) or "alternative" in words


def test_ids_and_places_are_unique(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="listed twice"):
        load_manifest(manifest_file(tmp_path, entry(), entry()))
    with pytest.raises(ManifestError, match="listed twice"):
        load_manifest(manifest_file(tmp_path, entry(), entry(id="other", file="TINY.safetensors")))


@pytest.mark.parametrize("text", ["", "models: {}", "models: []", "a: [", "- 1"])
def test_a_file_that_is_no_manifest(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.yaml").write_text(text)
    load_manifest.cache_clear()
    with pytest.raises(ManifestError):
        load_manifest(tmp_path / "m.yaml")
