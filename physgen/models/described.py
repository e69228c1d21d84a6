"""A module that says what it is: to loggers, in checkpoints, in results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning
import torch
from lightning.fabric.utilities.data import AttributeDict

from physgen.core.files import writing
from physgen.core.paths import user_path
from physgen.core.version import __version__
from physgen.models.hyperparameters import hyperparameters
from physgen.models.resumable import ResumableModule
from physgen.runs.checkpoint_file import CHECKPOINT_VERSION, saved


class DescribedModule(ResumableModule):
    """A module whose class and arguments travel with its numbers and its weights."""

    if TYPE_CHECKING:

        def spec(self) -> dict[str, Any]:
            """Return class and arguments."""

    def __init__(self) -> None:
        super().__init__()
        self._log_hyperparams = True

    @property
    def hparams(self) -> AttributeDict:
        """Physics, model and, while it is trained, training by flat names: what loggers are told."""
        return AttributeDict({**super().hparams, **hyperparameters(self)})

    hparams_initial = hparams

    def recipe(self) -> dict[str, Any]:
        """Return what a checkpoint says of the model."""
        return {"format": CHECKPOINT_VERSION, "version": __version__, **self.spec()}

    def save(self, path: str | Path) -> Path:
        """Write the model to a file, which `load_from_checkpoint` and every verb read; return its path.

        It holds class, arguments and weights; what a training needs to go on is in the trainer's own checkpoints.
        """
        path = user_path(path, "path")
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing(path) as file:
            file.write(saved({"physgen": self.recipe(), "state_dict": self.state_dict()}))
        return path

    def provenance(self) -> dict[str, Any]:
        """Return where a result comes from: model, system, sizes, versions."""
        return {
            "model": type(self).__name__,
            "system": self.system.label,
            "recipe": self.spec(),
            "parameters": sum(p.numel() for p in self.parameters()),
            "trained_precision": str(self._trained_dtype).removeprefix("torch."),
            "evaluated_precision": str(next(self.parameters()).dtype).removeprefix("torch."),
            "device": str(self.device),
            "iterations": self.global_step,
            "physgen": __version__,
            "torch": torch.__version__,
            "lightning": lightning.__version__,
        }
