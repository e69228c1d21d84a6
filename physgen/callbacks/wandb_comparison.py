"""A comparison as a run of Weights & Biases."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import wandb

from physgen.callbacks.wandb_logger import GuardedWandbLogger, wandb_mode
from physgen.core.plain_text import as_cell, folder_name
from physgen.runs.wandb_runs import server

log = logging.getLogger("physgen")


def push(
    folder: Path, mode: str, system: str, table: list[dict[str, Any]], figures: Iterable[Path], page: str = ""
) -> str:
    """Make a run of W&B from a comparison, its rows as a table and its figures; return where it is.

    Args:
        folder: where W&B's own files go, into its `wandb`.
        mode: `auto`, `online` or `offline`; without an account, or an answer within `PATIENCE` seconds, offline.
        system: what was compared, the group of the run.
        table: rows of the same columns.
        figures: images.
        page: the comparison in words, Markdown, which becomes the notes of the run.
    """
    mode = wandb_mode(mode)
    if mode == "disabled":
        return "W&B is switched off by WANDB_MODE"
    if mode == "online":
        try:
            server()
        except Exception as error:  # not logged in and unreachable raise one of several
            log.warning("W&B cannot be reached (%s): this comparison is recorded offline", type(error).__name__)
            mode = "offline"
    folder = folder.resolve()  # a service of W&B that is there already may live in another folder
    system = folder_name(system)
    compared = [str(row["run"]) for row in table]
    config = {"system": system, "runs": len(table), "compared": ", ".join(compared)}
    config["query"] = f"python -m physgen compare {shlex.join(compared)} --push"
    logger = GuardedWandbLogger(folder, mode, system, config, f"compare {system}", {"notes": page})
    columns: list[Any] = list(table[0])
    rows = wandb.Table(columns=columns, data=[[as_cell(row[column]) for column in columns] for row in table])
    logger.send({"comparison": rows, **{path.stem: wandb.Image(str(path)) for path in figures}})
    run, dead = logger.experiment, logger.dead
    place = "" if dead else f"W&B run in {Path(run.dir).parent}; wandb sync uploads it" if run.offline else run.url
    logger.close(None, folder)
    return place or "W&B took nothing"
