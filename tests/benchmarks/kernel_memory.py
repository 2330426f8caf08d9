"""Peak memory of one act, in a process of its own: ``python kernel_memory.py plain|trace|view tokens`` prints bytes."""

import sys
from pathlib import Path


def status(name: str) -> int:
    """A line of /proc/self/status, in bytes."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    import torch

    import interpwidgets as iw
    from tests.benchmarks import subjects

    what, tokens = sys.argv[1], int(sys.argv[2])
    lm = subjects.model(12, vocabulary=50257)
    text = subjects.ids(tokens)
    lm.trace(text[:8])  # what is loaded on first use is not what the act needs
    iw.AttentionView(lm.trace(text[:8]))
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    if what == "plain":
        with torch.no_grad():
            kept = lm.model(torch.from_numpy(text)[None], use_cache=False)
    else:
        kept = lm.trace(text)
        if what == "view":
            kept = (kept, iw.AttentionView(kept))
    print(status("VmHWM") - before)
