"""The wheel: builds without Node, holds what it needs and no more, and works from its own files alone."""

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

missing = [name for name in ("build", "hatchling") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"building a wheel needs {' and '.join(missing)}")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    # An empty PATH: no node, npm or esbuild can be found, so none is needed.
    ran = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": str(out)})
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_file_of_the_package_is_in_it(names):
    here = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "interpwidgets").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert here == {name for name in names if name.startswith("interpwidgets/")}
    assert {"interpwidgets/static/attention.js", "interpwidgets/static/standalone.js"} <= here
    assert "interpwidgets/static/manifest.json" in here


def test_nothing_else_is_in_it(names):
    tops = {name.split("/")[0] for name in names}
    (info,) = tops - {"interpwidgets"}
    assert info.endswith(".dist-info")
    assert not [name for name in names if name.endswith((".ts", ".css", ".mjs")) or "node_modules" in name]
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_it_is_small(wheel):
    assert wheel.stat().st_size <= 12e6


ALONE = """
import sys, interpwidgets as iw
assert iw.__file__.startswith(sys.argv[1]), iw.__file__
view = iw.AttentionView.from_arrays([[1.0, 0.0], [0.25, 0.75]], ["a", "b"])
view.to_html(sys.argv[2])
assert "torch" not in sys.modules, "arrays need no torch"
"""


def test_it_draws_from_its_own_files(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    where = str(tmp_path / "site")
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", ALONE, where, str(tmp_path / "page.html")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": where},
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert "<!doctype html>" in (tmp_path / "page.html").read_text("utf8")
