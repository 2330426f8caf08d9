"""storyworld: a small language model whose world is known completely.

Interpretability pictures are hard to judge on a large model, since nobody knows what is true inside. Here the text is
made by a grammar with a memory, each token is labelled with the latent factors that made it, each probability is exact,
and a GPT-2 of about a million parameters, trained on nothing else, ships in the wheel.

    from interpwidgets.worlds import storyworld

    story = storyworld.generate(1, seed=0)[0]
    story.words, story.labels["gender"], story.surprisal
    storyworld.tasks("indirect_object", n=5, seed=0)[0].prompt
    storyworld.folder()                       # for AutoModelForCausalLM and AutoTokenizer

Writing stories and tasks needs numpy only; `measure` and the tokenizer import torch and transformers when called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .probes import PAIRS, Pair, attributes, pairs
from .questions import TASKS, Task, tasks
from .shipped import checkpoint_folders, folder
from .steering import STEERABLE, SteeringQuestion, mood, steering_question
from .stories import AGREEMENT, FACTORS, KINDS, ROLES, SPLITS, YEAR_ROLES, Story, generate

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = [
    "AGREEMENT", "FACTORS", "KINDS", "PAIRS", "ROLES", "SPLITS", "STEERABLE", "TASKS", "YEAR_ROLES",
    "Pair", "SteeringQuestion", "Story", "Task", "attributes", "checkpoint_folders", "folder", "generate", "measure",
    "mood", "pairs", "steering_question", "tasks",
]  # fmt: skip


def measure(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, split: str = "heldout", n: int = 500, seed: int = 7
) -> dict[str, dict[str, Any]]:
    """Score a model on each task, on induction, and its loss beside the generator's entropy; see `measures.measure`."""
    from .measures import measure as run

    return run(model, tokenizer, split=split, n=n, seed=seed)
