"""binder/ by repo2docker's rules, and the same versions as everywhere else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def lines(name: str) -> list[str]:
    """The lines of a file in binder/ that say something."""
    text = (ROOT / "binder" / name).read_text()
    return [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]


def test_requirements_install_the_package_and_hold_the_constraints() -> None:
    requirements = lines("requirements.txt")
    assert "." in requirements
    assert "-c constraints.txt" in requirements


def test_runtime_names_a_python_that_the_package_supports() -> None:
    (runtime,) = lines("runtime.txt")
    version = re.fullmatch(r"python-3\.(\d+)", runtime)
    assert version is not None
    lowest = re.search(r'requires-python = ">=3\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert lowest is not None
    assert int(version[1]) >= int(lowest[1])


def test_every_dependency_is_constrained() -> None:
    tomllib = pytest.importorskip("tomllib", reason="tomllib came with Python 3.11")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = {line.split("==")[0] for line in lines("constraints.txt")}
    wanted = {re.split(r"[<>=\[ ]", d)[0] for d in project["dependencies"]}
    assert wanted <= pinned | {"tqdm"}
