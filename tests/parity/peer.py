"""A peer's own code for its dictionaries, without what its package imports besides (nnsight, wandb, triton)."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Mapping
from typing import Any

import pytest


def modules_of(package: str, *names: str, instead: Mapping[str, Mapping[str, Any]] | None = None) -> list[Any]:
    """Submodules of a package whose own ``__init__`` is not run; skips where the package or a need of it is absent.

    ``instead`` names more packages whose ``__init__`` is not run, and what is to be found in them.
    """
    instead = instead or {}
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        pytest.skip(f"{package} is not installed: see CONTRIBUTING, tests/parity", allow_module_level=True)
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == package}
    for name in before:
        del sys.modules[name]
    parents = {".".join([package, *name.split(".")[:-1]]).rstrip(".") for name in names}
    parents |= {package, *instead}
    try:
        for parent in sorted(parents):
            shell = types.ModuleType(parent)
            folders = [f"{path}/{'/'.join(parent.split('.')[1:])}" for path in found.submodule_search_locations]
            shell.__path__ = folders
            vars(shell).update(instead.get(parent, {}))
            sys.modules[parent] = shell
        return [importlib.import_module(f"{package}.{name}") for name in names]
    except ImportError as missing:
        pytest.skip(f"{package} needs {missing.name or missing}", allow_module_level=True)
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            del sys.modules[name]
        sys.modules.update(before)
