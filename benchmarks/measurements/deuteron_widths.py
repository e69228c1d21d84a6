"""The deuteron in momentum space by networks of 2 to 100 units: distance to diagonalisation, D state, time.

    python -m benchmarks deuteron_widths [--hidden 2 6 10 20 100] [--seeds 1 2] [--steps 200] [--rmsprop 20000]

`rmsprop` is the training of Keeble and Rios, Machine learning the deuteron, arXiv:1911.13092, without the envelope.
"""

from __future__ import annotations

import argparse
import logging
import time
import warnings
from typing import Any

import lightning

from physgen.models import DeuteronNetwork
from physgen.runs.evaluation import Evaluation
from physgen.systems import Deuteron


def trained(steps: int, seed: int, **arguments: Any) -> tuple[DeuteronNetwork, float]:
    """Return a trained network and the CPU-seconds of its training."""
    lightning.seed_everything(seed, verbose=False)
    model = DeuteronNetwork(Deuteron(), steps_per_epoch=steps, **arguments)
    trainer = lightning.Trainer(
        max_epochs=1, accelerator="cpu", devices=1, precision="64-true", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    start = time.process_time()
    trainer.fit(model)
    return model, time.process_time() - start


def main(arguments: list[str] | None = None) -> None:
    """Print one line for each network and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden", nargs="+", type=int, default=[2, 6, 10, 20, 100])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rmsprop", type=int, default=20_000, help="steps of RMSprop with ten units, 0 for none")
    options = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    exact = Deuteron().references()[0].value
    print(f"exact {exact:.7f} MeV")
    print("units  activation  optimizer     steps  seed  above exact (keV)  D state (%)  CPU-s")
    cases = [(n, kind, {"optimizer": "gauss_newton"}) for n in options.hidden for kind in ("sigmoid", "softplus")]
    if options.rmsprop:
        cases.append((10, "sigmoid", {"optimizer": "rmsprop", "envelope": False}))
    for hidden, activation, arguments in cases:
        slow = arguments["optimizer"] == "rmsprop"
        steps = options.rmsprop if slow else options.steps
        for seed in options.seeds[:1] if slow else options.seeds:
            model, seconds = trained(steps, seed, hidden=hidden, activation=activation, **arguments)
            found = model.evaluate(Evaluation(samples=500, batch=500)).estimates
            above, state = 1e3 * (found["energy"].value - exact), 100 * found["d_state"].value
            print(
                f"{hidden:5d}  {activation:10s}  {arguments['optimizer']:12s} {steps:6d}  {seed:4d}  {above:17.4f}  "
                f"{state:11.4f}  {seconds:5.1f}",
                flush=True,
            )
