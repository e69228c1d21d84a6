"""Lightning's CSV logger on the `metrics.csv` of a run folder."""

from __future__ import annotations

import warnings
from pathlib import Path

from lightning.pytorch.loggers import CSVLogger

from physgen.run_folder import earlier_rows


def csv_logger(folder: Path, steps: int = 0) -> CSVLogger:
    """Return the logger of `folder/metrics.csv`; rows of an interrupted run stay, up to its `steps` iterations."""
    rows = earlier_rows(folder, steps) if steps else []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the folder is not empty is meant
        logger = CSVLogger(str(folder), name="", version="", flush_logs_every_n_steps=1)
        logger.experiment  # noqa: B018 opens the file now
    for row in rows:
        step = int(row.pop("step"))
        logger.log_metrics(row, step=step)
    return logger
