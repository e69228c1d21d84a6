"""Weights & Biases as a second view of a run, which can never stop it."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import wandb
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.loggers.logger import DummyExperiment  # type: ignore[attr-defined]
from lightning.pytorch.utilities import rank_zero_only

from physgen.callbacks.wandb_record import artifact_name, bands, histogram_tables, summary_of
from physgen.core.deadline import within
from physgen.runs.folder import checkpoints
from physgen.runs.result import Result

log = logging.getLogger("physgen")
#: files of a run folder that go along whole
KEPT = ("result.json", "structure.npz")


def wandb_mode(wanted: str) -> str:
    """Return `online` or `offline` for `auto`, by whether the user is logged in; other modes as they are.

    The environment variable WANDB_MODE decides over `auto`.
    """
    if wanted != "auto":
        return wanted
    if os.environ.get("WANDB_MODE"):
        return os.environ["WANDB_MODE"]
    os.environ.setdefault("WANDB_SILENT", "true")
    try:
        # `wandb.Api()` would ask a new user for an account, and wait for the answer
        return "online" if wandb.login(prompt=False, verify=False) else "offline"
    except Exception:  # credentials that cannot be read raise one of several errors
        return "offline"


class GuardedWandbLogger(WandbLogger):
    """Lightning's WandbLogger whose failures are said once and end W&B, never the training.

    Args:
        folder: run folder; W&B's own files go into its `wandb`.
        mode: `online` or `offline`.
        group: group of the run, the system.
        config: what the run is made of.
        name: name of the run, unless the environment variable WANDB_NAME gives one.
        options: `project`, `entity`, `tags`, `notes` and `name` that were asked for; they win over WANDB_PROJECT,
            WANDB_ENTITY, WANDB_TAGS, WANDB_NOTES and WANDB_NAME.
    """

    def __init__(
        self,
        folder: Path,
        mode: str,
        group: str,
        config: dict[str, Any],
        name: str,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        asked = {k: v for k, v in (options or {}).items() if v}
        if isinstance(asked.get("tags"), str):
            asked["tags"] = [tag.strip() for tag in asked["tags"].split(",")]
        self.dead = False
        os.environ.setdefault("WANDB_SILENT", "true")  # before the service starts, settings come too late
        settings = wandb.Settings(console="off", silent=True, init_timeout=30.0)
        super().__init__(
            project=asked.pop("project", None) or os.environ.get("WANDB_PROJECT") or "physgen",
            save_dir=folder,
            name=asked.pop("name", None) or os.environ.get("WANDB_NAME") or name,
            group=group,
            mode=mode,
            settings=settings,
            config=config,
            **asked,
        )
        self._wandb_init.pop("anonymous", None)  # W&B warns about what lightning still hands on
        self._guarded(lambda: self.experiment)
        if self.dead and mode == "online":
            log.warning("W&B cannot be reached: this run is recorded offline")
            self.dead, self._experiment, self._wandb_init["mode"] = False, None, "offline"
            self._guarded(lambda: self.experiment)

    @property
    def mode(self) -> str:
        """`online`, `offline`, or `off` once W&B is dead."""
        return "off" if self.dead else self._wandb_init["mode"]

    @property
    def experiment(self) -> Any:
        """Return W&B's run, or what takes every call once W&B is dead: the trainer asks for it too."""
        return DummyExperiment() if self.dead else super().experiment

    @rank_zero_only
    def _guarded(self, call: Callable[[], Any], silent: bool = False) -> None:
        if self.dead:
            return
        try:
            call()
        except Exception as error:  # whatever W&B's service dies of, the run goes on
            self.dead = True
            if not silent:
                log.warning("W&B stopped (%s); CSV and result.json go on", type(error).__name__)

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log metrics, if W&B still lives."""
        self._guarded(lambda: super(GuardedWandbLogger, self).log_metrics(metrics, step))

    def send(self, items: dict[str, Any]) -> None:
        """Log tables and images, if W&B still lives."""
        self._guarded(lambda: self.experiment.log(items))

    def log_hyperparams(self, params: Any) -> None:
        """Log hyperparameters, if W&B still lives."""
        self._guarded(lambda: super(GuardedWandbLogger, self).log_hyperparams(params))

    def finalize(self, status: str) -> None:
        """Leave the run open: the evaluation after the training belongs to it."""

    def close(self, result: Result | None, folder: Path) -> None:
        """Write the result into the summary, send the figures and close the run."""
        self._guarded(lambda: self._summarise(result, folder))
        # also after a failure: a run left open would take the next one's data
        died, self.dead = self.dead, False
        self._guarded(lambda: wandb.finish(), silent=died)
        if died or self.dead:  # a dead service is not to be met again, in the next run or at the exit
            self.dead = False
            self._guarded(lambda: within(30, wandb.teardown), silent=True)
            wandb.run = None
        self._experiment = None

    def _summarise(self, result: Result | None, folder: Path) -> None:
        run = self.experiment
        if result is None:
            return
        run.summary.update(summary_of(result))
        shown: dict[str, Any] = {p.stem: wandb.Image(str(p)) for p in sorted(folder.glob("*.png"))}
        tables = histogram_tables(folder)
        shown |= {f"{name}_table": wandb.Table(columns=list(c), data=rows) for name, (c, rows) in tables.items()}
        for name, (axis, what, (x, *lines)) in bands(folder, result.quantity).items():
            keys = ["- error", what, "+ error"]
            shown[name] = wandb.plot.line_series(x, lines, keys=keys, title=f"{what} and its error", xname=axis)
        if shown:
            run.log(shown)
        for name in KEPT:  # whole and exact, what `compare` reads
            if (folder / name).is_file():
                shutil.copyfile(folder / name, Path(run.dir) / name)
                run.save(str(Path(run.dir) / name), base_path=run.dir, policy="now")
        parts = (str(result.provenance.get(k)) for k in ("system", "model"))
        label = artifact_name(*parts, f"seed{result.provenance.get('seed')}")
        files = {"result": [folder / name for name in KEPT], "model": checkpoints(folder)[:1]}
        for kind, paths in files.items():
            artifact = wandb.Artifact(f"{kind}-{label}", kind, metadata={"quantity": result.quantity})
            held = [path for path in paths if path.is_file()]
            for path in held:
                artifact.add_file(str(path), policy="immutable")  # they stay in the run folder
            if held:
                run.log_artifact(artifact)
