"""Lightning's records in the `metrics.csv` of a run folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from physgen.runs.metrics_file import MetricsFile, rows_until


class MetricsLogger(Logger):
    """Logger whose records are rows of `metrics.csv`; the first rank writes.

    Args:
        folder: run folder.
        steps: iterations of an earlier part of the run, whose rows stay; later ones go.
        every: iterations between two rows.
    """

    def __init__(self, folder: Path, steps: int = 0, every: int = 1) -> None:
        super().__init__()
        self.folder = folder
        self.file: MetricsFile | None = None
        if rank_zero_only.rank == 0:  # type: ignore[attr-defined]
            self.file = MetricsFile(folder, rows_until(folder, steps, every) if steps else [])

    @property
    def name(self) -> str:
        """Name that Lightning asks for."""
        return "metrics"

    @property
    def version(self) -> str:
        """Version that Lightning asks for; a run folder has one."""
        return ""

    @property
    def save_dir(self) -> str:
        """The run folder."""
        return str(self.folder)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Add a row."""
        if self.file is None:
            return
        held = {name: value if isinstance(value, int) else float(value) for name, value in metrics.items()}
        self.file.append({**held, "step": 0 if step is None else int(step)})

    def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None:
        """Leave them to `config.yaml`."""

    def save(self) -> None:
        """Have the rows on the disk.

        Raises:
            OSError: it takes no more.
        """
        if self.file is not None and not self.file.sync() and self.file.error is not None:
            raise self.file.error
