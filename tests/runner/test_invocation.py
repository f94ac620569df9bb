"""Every command that is printed can be pasted: it is spelled as the program was started, and quoted for its shell."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.invocation import invocation, quoted
from tests.support.comfy import REPO

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(WORDS)
def test_a_posix_shell_reads_the_word_again(word: str) -> None:
    assert shlex.split(quoted(word, windows=False)) == [word]


@given(WORDS.filter(lambda word: "%" not in word))
def test_windows_reads_the_word_again(word: str) -> None:
    """As the C runtime divides a command line: 2n backslashes and a quote are n and the end, 2n+1 are n and a quote."""
    assert read_by_windows(quoted(word, windows=True)) == word


def read_by_windows(line: str) -> str:
    if not line.startswith('"'):
        assert not set(line) & set(' \t"&|<>^()')
        return line
    made, at = "", 1
    while at < len(line):
        slashes = len(line[at:]) - len(line[at:].lstrip("\\"))
        at += slashes
        if at < len(line) and line[at] == '"':
            made += "\\" * (slashes // 2)
            if slashes % 2 == 0:
                assert at == len(line) - 1
                return made
            made += '"'
        elif at < len(line):
            made += "\\" * slashes + line[at]
        at += 1
    raise AssertionError("the quote does not end")


@pytest.mark.parametrize(
    ("argv", "orig", "windows", "told"),
    [
        (["/x/runner/__main__.py"], ["python3", "-m", "runner", "status"], False, "python3 -m runner"),
        (["/x/runner/__main__.py"], [".venv/bin/python", "-X", "utf8", "-m", "runner"], False,
         ".venv/bin/python -m runner"),
        (["/opt/my tools/prodgen"], ["/usr/bin/python3", "/opt/my tools/prodgen"], False, "'/opt/my tools/prodgen'"),
        (["prodgen"], ["python", "prodgen"], False, "prodgen"),
        ([r"D:\shop tools\Scripts\prodgen.exe"], ["python"], True, r'"D:\shop tools\Scripts\prodgen"'),
        ([r"D:\x\Scripts\prodgen-script.py"], ["python"], True, r"D:\x\Scripts\prodgen"),
        ([r"D:\x\__main__.py"], [r".venv\Scripts\python.exe", "-m", "runner"], True,
         r".venv\Scripts\python.exe -m runner"),
        (["/x/pytest"], ["python", "-m", "pytest"], False, "python -m runner"),
    ],
)  # fmt: skip
def test_it_is_called_as_it_was_started(argv: list[str], orig: list[str], windows: bool, told: str) -> None:
    assert invocation(argv, orig, windows=windows).command() == told


def test_below_the_folder_one_is_in_it_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "prodgen"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert invocation([str(program)], ["python"], windows=False).words == (str(Path("bin", "prodgen")),)
    monkeypatch.setenv("PATH", str(program.parent))
    assert invocation([str(program)], ["python"], windows=False).words == ("prodgen",)


def test_no_text_of_the_runner_spells_its_command_by_itself() -> None:
    """A hint that says `python -m runner` is wrong for everybody who has typed `prodgen`."""
    found = [
        f"{path.relative_to(REPO)}:{number}: {line.strip()}"
        for path in sorted((REPO / "runner").rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if "python -m runner" in line and "python -m runner.cli." not in line and not line.startswith('"""')
    ]
    assert found == []


def installed_program() -> str:
    """What the package says its command is."""
    text = (REPO / "pyproject.toml").read_text(encoding="utf-8")
    return text.partition("[project.scripts]")[2].partition("prodgen = ")[2].partition("\n")[0].strip('"')


def test_the_installed_command_calls_itself_by_its_name(tmp_path: Path) -> None:
    """The script that pip makes of it, found on the PATH."""
    module, _, name = installed_program().partition(":")
    script = tmp_path / "bin" / "prodgen"
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\nimport sys\nfrom {module} import {name}\nsys.exit({name}())\n")
    script.chmod(0o755)
    environment = {"PATH": f"{script.parent}:/usr/bin:/bin", "PYTHONPATH": str(REPO), "PRODGEN_CONFIG": "none"}
    for locale in ("C.UTF-8", "C"):
        done = subprocess.run(
            ["prodgen", "packshto", "my bag.jpg"], cwd=tmp_path, env={**environment, "LC_ALL": locale},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].strip() == "Did you mean: prodgen packshot 'my bag.jpg'"


def test_a_hint_of_a_started_command_can_be_pasted(tmp_path: Path) -> None:
    wrong = subprocess.run(
        [sys.executable, "-m", "runner", "models", "download"], cwd=REPO, capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 2
    assert " -m runner models list" in wrong.stderr
    hint = wrong.stderr.rpartition(": ")[2].strip()
    pasted = subprocess.run(["sh", "-c", hint], cwd=REPO, capture_output=True, text=True, check=False)
    assert pasted.returncode == 0, pasted.stderr
