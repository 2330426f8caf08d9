"""Published reasons for care with the numbers of a dictionary's report, each with its source."""

from __future__ import annotations

# part of the report -> sentences printed beside it
CAVEATS = {
    "always": (
        "A small reconstruction error does not validate the factorisation: dictionaries trained alike but for the "
        "seed share only part of their features (Paulo and Belrose 2025, Sparse Autoencoders Trained on the Same Data "
        "Learn Different Features).",
        "Density and dead features are counts on this corpus; another text wakes other features.",
    ),
    "losses": (
        "Loss recovered flatters: the last percent is worth most of the training compute (Gao et al. 2024, Scaling "
        "and Evaluating Sparse Autoencoders), so look at the added nats.",
    ),
    "detections": (
        "What is detected depends on the probes given: an attribute nobody labelled cannot be found, and features "
        "may be right about something else (Makelov et al. 2024, Towards Principled Evaluations of Sparse "
        "Autoencoders for Interpretability and Control).",
        "A feature that looks precise can miss cases that a more specific feature absorbed (Chanin et al. 2024, A is "
        "for Absorption).",
    ),
    "control": (
        "Control depends on site, position and budget; the supervised code is a yardstick, not a bound (Makelov et "
        "al. 2024).",
    ),
    "atoms": (
        "Uniqueness here uses the plain inner product, not the paper's atomic one, whose formula could not be read; an "
        "orthonormal basis has unique codes however dense they are (Donoho and Elad 2003).",
    ),
}
