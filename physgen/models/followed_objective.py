"""Why a model learns: the objective of its training, which a training that continues keeps."""

from __future__ import annotations

from typing import Any

from physgen.core.errors import InputError, check
from physgen.models.described import DescribedModule
from physgen.objectives import Objective
from physgen.runs.result import EXCITED
from physgen.systems import Reference


class FollowedObjective(DescribedModule):
    """A module whose training lowers an objective; its checkpoints know which."""

    def __init__(self) -> None:
        super().__init__()
        self._objective: Objective | None = None
        #: name of the objective that a checkpoint was trained by
        self._followed: str | None = None
        #: whether the weights are of another state than the lowest, or a training looks for one
        self.excited = False

    @property
    def objective(self) -> Objective:
        """What the training lowers; the model's own unless another one was set."""
        if self._objective is None:
            self._objective = self.make_objective()
        return self._objective

    @objective.setter
    def objective(self, objective: Objective) -> None:
        check(isinstance(objective, Objective), "objective", objective, "an Objective of physgen.objectives")
        self._objective, self.excited = objective, objective.excited

    def make_objective(self) -> Objective:
        """Return the objective of the model's own training.

        Raises:
            InputError: a model whose training step knows no objective.
        """
        raise InputError(f"{type(self).__name__} takes steps of its own, without an objective")

    def recipe(self) -> dict[str, Any]:
        """Return what a checkpoint says of the model, and that its state is an excited one."""
        return {**super().recipe(), **self.kind_of_state()}

    def recall(self, recipe: dict[str, Any]) -> None:
        """Take over what the recipe of a file says besides class and arguments."""
        self.excited = recipe.get("state") == EXCITED

    def provenance(self) -> dict[str, Any]:
        """Return where a result comes from, and that its state is an excited one."""
        return {**super().provenance(), **self.kind_of_state()}

    def kind_of_state(self) -> dict[str, str]:
        """Return what is said of an excited state, nothing of the lowest one."""
        return {"state": EXCITED} if self.excited else {}

    def references(self) -> list[Reference]:
        """Return what is known of the state that is looked for: nothing of an excited one."""
        return [] if self.excited else super().references()

    def on_fit_start(self) -> None:
        """Compare the objective with that of the checkpoint which the training continues.

        Raises:
            InputError: another one.
        """
        if self._followed is not None:
            found = type(self.objective).__name__
            allowed = f"{self._followed}, as in the checkpoint that the training continues: give its options again"
            check(found == self._followed, "objective", found, allowed)
        super().on_fit_start()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the name of the objective, and the state of all draws."""
        if self._objective is not None:
            checkpoint["objective"] = type(self._objective).__name__
        super().on_save_checkpoint(checkpoint)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Remember what the checkpoint was trained by, and the state of all draws."""
        self._followed = checkpoint.get("objective")
        super().on_load_checkpoint(checkpoint)
