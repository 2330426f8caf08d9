"""``python -m tests.benchmarks [--quick] [--out FILE]``: measure everything, write one Markdown table."""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def build(folder: Path) -> tuple[Path | None, Path]:
    """The wheel as for a release, and where it lies unpacked; the sources themselves where `build` is missing."""
    out = folder / "wheel"
    out.mkdir(exist_ok=True)
    for old in out.glob("*.whl"):
        old.unlink()
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    if subprocess.run(command, capture_output=True, cwd=folder).returncode:
        return None, ROOT
    (wheel,) = out.glob("*.whl")
    site = folder / "site"
    if site.exists():
        import shutil

        shutil.rmtree(site)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return wheel, site


def machine() -> str:
    """Cores, memory and versions: what a reader needs to judge the numbers, and nothing about whose machine it is."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    names = ("torch", "transformers", "numpy", "circuitsvis", "playwright")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    load = os.getloadavg()[0]
    return (
        f"{datetime.date.today():%Y-%m-%d}, {len(os.sched_getaffinity(0))} cores of {platform.machine()}, "
        f"{memory:.0f} GB of memory, {platform.system()}, Python {platform.python_version()}, {versions}; headless "
        f"Chromium, drawing in software, 1280 x 900. Load before the run: {load:.1f}."
    )


WORDS = (
    "",
    "Each number is a median, with the extremes in brackets. Attention is of a GPT-2-shaped model with random weights,",
    "sharpened to look like no text at all: trained attention compresses better. A peer's bytes are its page; ours are",
    "messages to a live view. BertViz' CDN scripts are served locally. First paint counts from navigation to the frame",
    "that shows the picture. Peers that need more than 120 s are given up.",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few minutes: short texts, fewer repeats")
    parser.add_argument("--out", type=Path, help="also write the table to this file")
    parser.add_argument(
        "--only",
        help="one section: pages, trained, overview, long_text, kernel, features, dashboards, steering, capture or "
        "package",
    )
    options = parser.parse_args()
    words = f"Measured {machine()}"

    from tests.benchmarks.peers import cache_folder

    wheel, site = build(cache_folder())
    # What is measured is what a reader installs: in this process and in every one it starts.
    sys.path.insert(0, str(site))
    os.environ["PYTHONPATH"] = os.pathsep.join((str(site), str(ROOT)))
    os.environ["HF_HUB_OFFLINE"] = "1"

    from tests.benchmarks import features, sections, steering
    from tests.benchmarks.table import Row, markdown

    quick = options.quick
    chosen: dict[str, Callable[[], Iterator[Row]]] = {
        "package": lambda: sections.package(wheel),
        "pages": lambda: sections.pages(
            (32, 128, 512) if quick else (32, 128, 256, 512, 2048, 8192), 128 if quick else 512
        ),
        "trained": lambda: sections.trained(512),
        "overview": lambda: sections.overview(64 if quick else 256),
        "long_text": lambda: sections.long_text(2048 if quick else 4096),
        "kernel": lambda: sections.kernel(1024 if quick else 4096),
        "features": lambda: features.features(6144 if quick else 24576, 8 if quick else 64, 256, 3 if quick else 5),
        "dashboards": lambda: features.dashboards(100 if quick else 400),
        "steering": lambda: steering.steering(
            (0, 3, 6, 9, 11), 32 if quick else 96, 1000 if quick else 50257, 5 if quick else 15
        ),
        "capture": lambda: sections.capture((256,) if quick else (256, 1024), 5 if quick else 9),
    }
    rows: list[Row] = []
    for name, section in chosen.items():
        if options.only not in (None, name):
            continue
        start = time.monotonic()
        try:
            for row in section():
                rows.append(row)
                print(f"[{name} {time.monotonic() - start:.0f} s] {row.work}", file=sys.stderr)
        except Exception as error:
            rows.append(Row(f"{name}: stopped here", "", f"{type(error).__name__}: {str(error)[:120]}"))
            import traceback

            traceback.print_exc()
    text = markdown(rows, "How fast", (words, *WORDS))
    print(text)
    if options.out:
        options.out.write_text(text, "utf8")


if __name__ == "__main__":
    main()
