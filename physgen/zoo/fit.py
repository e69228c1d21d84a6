"""A training and its evaluation in one line of Python."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from lightning import Callback, Trainer, seed_everything

from physgen.callbacks import BlowUpGuard, EnergyProgressBar
from physgen.core.errors import check
from physgen.models import Model
from physgen.runs.evaluation import Evaluation
from physgen.runs.result import Result
from physgen.systems import System


def fit(
    system: System | Mapping[str, Any] | str | None = None,
    model: Model | type[Model] | str = "GaussianBinaryRBM",
    *,
    epochs: int = 20,
    seed: int = 1,
    evaluation: Evaluation | None = None,
    logger: Any = False,
    callbacks: Iterable[Callback] = (),
    trainer: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> Model:
    """Return a model that was trained on `system` and evaluated with fresh samples; its numbers are in `.result`.

        >>> model = fit(system="QuantumDot", model="GaussianBinaryRBM", jastrow=True)  # doctest: +SKIP
        >>> model.result.headline                                                        # doctest: +SKIP
        Estimate(value=3.00001, error=4e-05)

    The numbers are those of `python -m physgen fit` with the same arguments, seed and threads; nothing is written
    unless a logger or a callback does. `model.trainer` is the trainer, `model.save(path)` keeps the model.

    Args:
        system: what is simulated: a system, its name or `{class_path, init_args}`; a `QuantumDot` unless given.
        model: what learns: a class or its name, or a model that was built already.
        epochs: epochs of `steps_per_epoch` iterations.
        seed: seed of all draws, set by `seed_everything`.
        evaluation: size of the evaluation.
        logger: loggers of Lightning.
        callbacks: callbacks beside the progress bar and the guard against blow-ups.
        trainer: other arguments of `lightning.Trainer`.
        arguments: those of the model's constructor.

    Raises:
        InputError: an argument that system, model or trainer refuses.
    """
    settings = dict(trainer or {})
    seed_everything(seed, verbose=False)
    if isinstance(model, Model):
        check(
            system is None and not arguments, "model", type(model).__name__, "a class beside system and its arguments"
        )
        learner = model
    else:
        name = model if isinstance(model, str) else model.__name__
        built = System.of("QuantumDot" if system is None else system)
        learner = Model.of({"class_path": name, "init_args": {"system": built, **arguments}})
    check(evaluation is None or isinstance(evaluation, Evaluation), "evaluation", evaluation, "an Evaluation")
    learner.evaluation = evaluation or Evaluation()
    shown = settings.get("enable_progress_bar", True)
    settings = {
        "max_epochs": epochs,
        "precision": "64-true",
        "devices": 1,
        "log_every_n_steps": 10,
        "enable_checkpointing": False,
        "enable_model_summary": False,
        **settings,
    }
    own = [BlowUpGuard(), *([EnergyProgressBar()] if shown else []), *callbacks]
    run = Trainer(logger=logger, callbacks=own, **settings)
    start = time.perf_counter()
    run.fit(learner)
    seconds = time.perf_counter() - start
    run.test(learner, verbose=False)
    result = learner.result
    assert isinstance(result, Result)
    found = {"seed": seed, "evaluation_seed": learner.evaluation.seed, "train_seconds": round(seconds, 1)}
    result.provenance.update(found)
    return learner
