"""Who may import whom (DESIGN, section 2), read from the sources and never from a running interpreter."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "interpwidgets"
SOURCES = ROOT / "js" / "src"

# Every room may use errors and itself. What stands under TYPE_CHECKING or inside a function counts too.
MAY_IMPORT = {
    "errors": set(),
    "records": set(),
    "models": {"records"},
    "dictionaries": {"records"},
    "prototypes": {"models", "records"},
    "analyses": {"models", "dictionaries", "prototypes", "records"},
    "_core": {"records"},
    "widgets": {"analyses", "records", "_core"},
    # Recipes of what ships call the analyses that make it.
    "worlds": {"models", "dictionaries", "prototypes", "records", "analyses"},
}
# The one way back: load("storyworld") finds the bundled weights, inside the function that needs them.
EXCEPTIONS = {("models/load.py", "worlds")}
# The package's list of names and the command line stand above the rooms.
NO_TORCH = {"__init__.py", "errors", "records", "_core", "widgets"}
ABOVE = {"__init__.py", "cli.py", "__main__.py"}


def modules() -> list[Path]:
    return sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))


def imported(tree: ast.AST, path: Path) -> Iterator[str]:
    """Full names of what a module imports, wherever in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                here = ("interpwidgets", *path.parts[:-1])
                base = ".".join([*here[: len(here) - node.level + 1], *([base] if base else [])])
            # `from interpwidgets import widgets` names the room in the second half.
            yield from (f"{base}.{alias.name}" for alias in node.names)


def room(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if parts[0] == "interpwidgets" and len(parts) > 1 else None


def room_of(path: Path) -> str:
    return path.parts[0] if path.parts[0] in ABOVE else path.parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", [path for path in modules() if str(path) not in ABOVE], ids=str)
def test_a_room_imports_only_what_the_table_allows(path):
    own = room_of(path)
    assert own in MAY_IMPORT, f"{own} has no row in the table"
    tree = ast.parse((PACKAGE / path).read_text("utf8"))
    used = {r for r in map(room, imported(tree, path)) if r}
    allowed = {own, "errors"} | MAY_IMPORT[own] | {to for file, to in EXCEPTIONS if file == path.as_posix()}
    assert used <= allowed


@pytest.mark.parametrize("path", [path for path in modules() if room_of(path) in NO_TORCH], ids=str)
def test_torch_stays_out_of_records_core_and_widgets(path):
    tree = ast.parse((PACKAGE / path).read_text("utf8"))
    assert not {name.split(".")[0] for name in imported(tree, path)} & {"torch", "transformers"}


def test_the_exceptions_are_imported_inside_a_function():
    for file, to in EXCEPTIONS:
        tree = ast.parse((PACKAGE / file).read_text("utf8"))
        assert to not in {room(name) for node in tree.body for name in imported_here(node, Path(file))}
        assert to in {room(name) for name in imported(tree, Path(file))}, "the exception is no longer needed"


def imported_here(node: ast.stmt, path: Path) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from imported(ast.Module([node], []), path)


IMPORT = re.compile(r"""(?:\bfrom\s*|\bimport\s*\(?\s*)["']([^"']+)["']""")


def typescript() -> list[Path]:
    return sorted(path.relative_to(SOURCES) for path in SOURCES.rglob("*.ts"))


def script_room(path: Path) -> str:
    """``core``, ``standalone`` or ``widgets/<name>``."""
    return "/".join(path.parts[:2]) if path.parts[0] == "widgets" else path.parts[0]


@pytest.mark.parametrize("path", typescript(), ids=str)
def test_a_typescript_widget_imports_only_core_and_itself(path):
    text = (SOURCES / path).read_text("utf8")
    allowed = {script_room(path), "core"}
    for target in IMPORT.findall(text):
        assert target.startswith("."), f"{target}: a module carries no library"
        found = ((SOURCES / path).parent / target).resolve().relative_to(SOURCES)
        assert script_room(found) in allowed


def test_the_import_pattern_sees_every_form():
    text = 'import a from "./a";\nimport "./b";\nexport * from "./c";\nimport type { D } from \'./d\';\nimport("./e")'
    assert IMPORT.findall(text) == ["./a", "./b", "./c", "./d", "./e"]


QUIET = """
import sys, warnings
before, modules = list(warnings.filters), set(sys.modules)
import interpwidgets
assert warnings.filters == before, "warning filters changed"
heavy = {"torch", "transformers", "anywidget", "ipywidgets", "plotly", "numpy", "circuitsvis"} & set(sys.modules)
assert not heavy, heavy
assert set(interpwidgets.__all__) <= set(dir(interpwidgets))
"""


def test_importing_the_package_changes_nothing():
    ran = subprocess.run([sys.executable, "-W", "error", "-c", QUIET], capture_output=True, text=True, cwd=ROOT)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_records_and_core_need_no_torch():
    code = "import sys, interpwidgets.records, interpwidgets._core.widget; assert 'torch' not in sys.modules"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr


def test_every_public_name_is_there():
    import interpwidgets as iw

    assert len(set(iw.__all__)) == len(iw.__all__)
    assert {name: getattr(iw, name).__name__ for name in iw.__all__} == {name: name for name in iw.__all__}
    with pytest.raises(AttributeError, match="'interpwidgets' has no attribute 'Attenton'"):
        iw.Attenton  # noqa: B018


def test_the_three_lists_of_public_names_agree():
    import interpwidgets as iw

    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf8"))
    (typed,) = (n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    homes = {a.name: n.module for n in typed.body if isinstance(n, ast.ImportFrom) for a in n.names}
    assert homes == {name: f"interpwidgets.{home}" for name, home in iw._HOMES.items()}
    assert set(homes) == set(iw.__all__) == set(dir(iw)) - {"__version__"}
    assert iw.__all__ == sorted(iw.__all__)


def test_a_widget_has_one_name_in_every_place():
    for folder in sorted((SOURCES / "widgets").iterdir()):
        name = folder.name
        for place in ("records", "analyses", "widgets"):
            # A room of its own where one file would be too long.
            assert (PACKAGE / place / f"{name}.py").is_file() or (PACKAGE / place / name / "__init__.py").is_file()
        assert (folder / "index.ts").is_file()
        assert (PACKAGE / "static" / f"{name}.js").is_file()
        assert f'_name: ClassVar[str] = "{name}"' in (PACKAGE / "widgets" / f"{name}.py").read_text("utf8")


def test_no_widget_is_without_a_front_end():
    names = set()
    for path in (PACKAGE / "widgets").glob("*.py"):
        names |= set(re.findall(r'_name: ClassVar\[str\] = "(\w+)"', path.read_text("utf8")))
    assert names == {folder.name for folder in (SOURCES / "widgets").iterdir()}
