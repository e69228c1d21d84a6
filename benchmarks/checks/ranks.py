"""Two gloo ranks against one on the CPU: equal parameters, the same energy, twice the effective samples a step.

    python -m benchmarks ranks [STEPS]

Each way of training is run with one and with two processes by the same command, at a learning rate so small that the
distribution stands still: then the variance of a step's mean energy over all steps counts its effective samples.
"""

from __future__ import annotations

import logging
import multiprocessing
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from lightning import Trainer, seed_everything
from lightning.fabric.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy

from physgen.models import Model
from physgen.systems import QuantumDot, QuarticWell

RBM = {
    "hidden": 4,
    "jastrow": True,
    "sampler": {"class_path": "Metropolis", "init_args": {"walkers": 64, "steps": 20, "warm_up_steps": 100}},
}
#: model, its arguments and the space that stochastic reconfiguration solves in
WAYS = {
    "Adam, wavefunction": ("GaussianBinaryRBM", {**RBM, "optimizer": "adam"}, None),
    "SR in parameter space": ("GaussianBinaryRBM", {**RBM, "optimizer": "sr"}, "parameters"),
    "SR in sample space": ("GaussianBinaryRBM", {**RBM, "optimizer": "sr"}, "samples"),
    "SPRING, neural backflow": (
        "NeuralBackflow",
        {
            "width": 4,
            "pair_width": 2,
            "determinants": 1,
            "sampler": {"class_path": "MALA", "init_args": {"walkers": 64, "steps": 10, "warm_up_steps": 100}},
        },
        "samples",
    ),
    "Adam, flow": ("MLPFlow", {"hidden": [8, 8], "batch_size": 64}, None),
}


#: way of training, steps, learning rate
Job = tuple[str, int, float]


class StartedByHand(LightningEnvironment):
    """Where a rank stands among processes that were started here, not by the trainer."""

    creates_processes_externally = True

    def __init__(self, rank: int, ranks: int) -> None:
        super().__init__()
        self._global_rank, self._world_size = rank, ranks

    def local_rank(self) -> int:
        """Return the rank; there is one machine."""
        return self._global_rank


def worker(rank: int, ranks: int, jobs: list[Job], folder: str) -> None:
    """Do all trainings of one rank."""
    torch.set_num_threads(1)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    if ranks > 1:
        dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=ranks)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [training(rank, ranks, *job) for job in jobs]
    torch.save(found, f"{folder}/rank{rank}")
    if ranks > 1:
        dist.destroy_process_group()


def training(rank: int, ranks: int, way: str, steps: int, rate: float) -> dict[str, torch.Tensor]:
    """Train on one rank and return parameters, last draws and the energy of every step."""
    kind, arguments, space = WAYS[way]
    system = QuarticWell() if kind == "MLPFlow" else QuantumDot(n=2, dim=3)
    seed_everything(7, verbose=False)
    model = Model.lookup(kind)(system=system, steps_per_epoch=steps, learning_rate=rate, **arguments)
    energies: list[float] = []
    record, configure = model.record, model.configure_optimizers

    def keep(metrics: dict[str, Any]) -> None:
        energies.append(float(metrics["energy"]))
        record(metrics)

    def configured() -> dict[str, Any]:
        found = configure()
        found["optimizer"].space = space
        return found

    model.record = keep
    if space is not None:
        model.configure_optimizers = configured
    strategy = DDPStrategy(cluster_environment=StartedByHand(rank, ranks)) if ranks > 1 else "auto"
    Trainer(
        accelerator="cpu", devices=ranks, strategy=strategy, precision="64-true", max_epochs=1, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    ).fit(model)  # fmt: skip
    drawn = model.sampler.x if hasattr(model, "sampler") else model.sample(64, model.generator)[0]
    parameters = torch.cat([p.detach().flatten() for p in model.parameters()])
    return {"parameters": parameters, "drawn": drawn, "energies": torch.tensor(energies, dtype=torch.float64)}


def start(work: Callable[..., None], arguments: tuple[Any, ...], ranks: int) -> None:
    """Let every rank do `work(rank, *arguments)` in a process of its own, forked from one that has imported it."""
    forked = "forkserver" in multiprocessing.get_all_start_methods()
    if forked:
        multiprocessing.set_forkserver_preload([work.__module__])
    mp.start_processes(work, arguments, nprocs=ranks, start_method="forkserver" if forked else "spawn")


def train(ranks: int, jobs: list[Job]) -> list[list[dict[str, torch.Tensor]]]:
    """Return what every rank found in every job."""
    with tempfile.TemporaryDirectory() as folder:
        if ranks == 1:
            worker(0, 1, jobs, folder)
        else:
            start(worker, (ranks, jobs, folder), ranks)
        return [torch.load(Path(folder) / f"rank{rank}", weights_only=True) for rank in range(ranks)]


def compared(learnt: list, one: dict, two: list) -> dict[str, float]:
    """Return how far the ranks of a training differ, and of one that stands still, from one rank."""
    single, joint = one["energies"], torch.stack([r["energies"] for r in two]).mean(0)
    error = (single.var() / len(single) + joint.var() / len(joint)).sqrt()
    return {
        "parameters": float((learnt[0]["parameters"] - learnt[1]["parameters"]).abs().max()),
        "draws": float((learnt[0]["drawn"] - learnt[1]["drawn"]).abs().median()),
        "gap": float((joint.mean() - single.mean()).abs() / error),
        "effective": float(single.var() / joint.var()),
        "effective_error": float(single.var() / joint.var()) * (4 / len(single)) ** 0.5,
    }


def main(steps: int = 4000) -> int:
    """Print the comparison; return how many ways fall outside of what is asked."""
    wrong = 0
    learning, still = [(way, 30, 1e-2) for way in WAYS], [(way, steps, 1e-12) for way in WAYS]
    ranks, (single,) = train(2, learning + still), train(1, still)
    print("| training | parameters differ by | draws differ by | energies differ by | effective samples a step |")
    print("|---|---|---|---|---|")
    for index, way in enumerate(WAYS):
        found = compared([r[index] for r in ranks], single[index], [r[len(WAYS) + index] for r in ranks])
        good = (
            found["parameters"] <= 1e-12 and found["draws"] > 0 and found["gap"] < 4 and 1.8 < found["effective"] < 2.2
        )
        wrong += not good
        print(
            f"| {way} | {found['parameters']:.1g} | {found['draws']:.2g} | {found['gap']:.1f} sigma | "
            f"x {found['effective']:.2f} +- {found['effective_error']:.2f} |{'' if good else ' WRONG'}"
        )
    return wrong
