"""The config of a run, in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import SaveConfigCallback

from physgen.core.files import write_text


class RunConfig(SaveConfigCallback):
    """Write `config.yaml`, which repeats the run, into the run folder."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "save_to_log_dir": False})

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the config of a fit; an evaluation does not touch that of the training."""
        if stage == "fit":
            path = Path(trainer.default_root_dir) / "config.yaml"
            write_text(path, self.parser.dump(self.config, skip_unset=False))

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Save on the first rank, once."""
        if trainer.is_global_zero and not self.already_saved:
            self.save_config(trainer, pl_module, stage)
            self.already_saved = True
