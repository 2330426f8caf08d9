"""The small vision transformer: its shape, its training and its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional as F
from tqdm.auto import tqdm

from .draw import SIZE, Birds
from .species import CLASSES

if TYPE_CHECKING:
    from transformers import ViTForImageClassification

MEAN = STD = (0.5, 0.5, 0.5)


def vit_config() -> Any:
    """A ViT one can read: 64 patches of 8 x 8 pixels, 4 layers, 4 heads, 72 dimensions, 144 neurons a layer."""
    from transformers import ViTConfig

    return ViTConfig(
        hidden_size=72, num_hidden_layers=4, num_attention_heads=4, intermediate_size=144, image_size=SIZE,
        patch_size=8, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        id2label=dict(enumerate(CLASSES)), label2id={name: i for i, name in enumerate(CLASSES)},
        architectures=["ViTForImageClassification"], dtype="float32",
    )  # fmt: skip


def pixels(images: np.ndarray) -> torch.Tensor:
    """``uint8 [image, row, column, 3]`` as the model takes them, ``[image, 3, row, column]`` from -1 to 1."""
    return torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32)) / 127.5 - 1


def fit_vit(birds: Birds, *, seed: int, epochs: int, batch: int = 64, rate: float = 1.5e-3) -> Any:
    """Train from nothing with AdamW, random flips and shifts of up to 4 pixels."""
    from transformers import ViTForImageClassification

    torch.manual_seed(seed)
    model = ViTForImageClassification(vit_config()).train()
    adam = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.03)
    x, y = pixels(birds.images), torch.from_numpy(birds.labels)
    steps = epochs * (len(x) // batch)
    pace = torch.optim.lr_scheduler.OneCycleLR(adam, rate, total_steps=steps, pct_start=0.1)
    bar = tqdm(range(epochs), unit="epoch", desc="training the vision transformer")
    for _ in bar:
        order, total = torch.randperm(len(x)), 0.0
        for start in range(0, len(x) - batch + 1, batch):
            rows = order[start : start + batch]
            loss = F.cross_entropy(model(_moved(x[rows])).logits, y[rows], label_smoothing=0.05)
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            adam.step()
            pace.step()
            total += loss.item()
        bar.set_postfix(loss=f"{total / (len(x) // batch):.3f}")
    return model.eval()


def _moved(x: torch.Tensor) -> torch.Tensor:
    flip = torch.rand(len(x)) < 0.5
    x = torch.where(flip[:, None, None, None], x.flip(3), x)
    dy, dx = torch.randint(0, 9, (2,)).tolist()
    return F.pad(x, (4, 4, 4, 4), mode="replicate")[:, :, dy : dy + x.shape[2], dx : dx + x.shape[3]]


def save_vit(model: ViTForImageClassification, path: Path) -> None:
    """Write a folder that ``from_pretrained`` reads: float16 tensors, config, and the image processor's settings."""
    import json

    from safetensors.torch import save_file

    path.mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(path)
    half = {name: value.detach().half().contiguous() for name, value in model.state_dict().items()}
    save_file(half, path / "model.safetensors", metadata={"format": "pt"})
    settings = {
        "image_processor_type": "ViTImageProcessor", "do_resize": True, "do_rescale": True, "do_normalize": True,
        "size": {"height": SIZE, "width": SIZE}, "resample": 2, "rescale_factor": 1 / 255,
        "image_mean": list(MEAN), "image_std": list(STD),
    }  # fmt: skip
    (path / "preprocessor_config.json").write_text(json.dumps(settings, indent=1) + "\n")


@torch.no_grad()
def vit_accuracy(path: Path, birds: Birds) -> tuple[float, int]:
    """Accuracy and parameter count of a folder, as a user gets it."""
    from transformers import ViTForImageClassification

    model = ViTForImageClassification.from_pretrained(path, dtype=torch.float32).eval()
    said = torch.cat([model(part).logits.argmax(1) for part in pixels(birds.images).split(100)])
    right = float((said == torch.from_numpy(birds.labels)).float().mean())
    return right, sum(p.numel() for p in model.parameters())
