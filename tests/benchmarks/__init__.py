"""How fast, how large: interpwidgets and its peers side by side, in one run. ``python -m tests.benchmarks --help``.

Nothing here is a test: timings differ between machines, so they are measured together and reported, never asserted.
"""
