"""Parametric matrix models on spectra and functions, beside a polynomial, a network and kernel ridge regression.

    python -m benchmarks parametric_matrices [--only energies regression trotter lipkin spins] [--draws 10] [--seeds 3]

Errors are those of the median over restarts, in the Lipkin model of the restart that two points inside of the gap
choose; `spread` is what the model says itself. Rows are kept in `benchmarks/results/parametric_matrices.csv`, and those
that are there are not made again; they stand in docs/lattices-and-data.md.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import math
import time
import warnings
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from benchmarks.measurements.functions import FUNCTIONS
from benchmarks.measurements.regressors import baselines, log_process
from benchmarks.measurements.spectra import Chain, lipkin
from benchmarks.rows import keep, read
from physgen.data import Pairs
from physgen.models import ParametricMatrixModel
from physgen.systems import two_electrons

TABLE, KEY = "parametric_matrices", ("experiment", "case", "seed")
FIELDS = (*KEY, "errors", "spread", "cpu_seconds")
EXPERIMENTS = ("spins", "energies", "regression", "trotter", "lipkin")


# ---- energies of a dot over its frequency

TRAINED, FAR = (0.1, 0.28, 0.5, 1.0), (0.01, 2.0, 5.0, 10.0)
#: the tight trap, 2 omega + sqrt(pi omega/2), and the crystal of two charges, 3 (omega/4)^(2/3)
TIGHT, LOOSE = (1e8, 2e8 + math.sqrt(math.pi / 2) * 1e4), (1e-9, 3 * (1e-9 / 4) ** (2 / 3))


def lengths(omega: Tensor) -> Tensor:
    """Return 1/l^2, 1/l and omega, l the length at which a Gaussian is lowest: omega^2 l^4 = 1 + sqrt(pi/2) l."""
    low, high = torch.zeros_like(omega), 1 + 10 / omega
    for _ in range(90):
        middle = (low + high) / 2
        above = omega**2 * middle**4 > 1 + math.sqrt(math.pi / 2) * middle
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return torch.stack([low**-2, 1 / low, omega], 1)


def energies() -> None:
    """E(omega) of two electrons in the plane, followed far outside of the training."""
    exact = {omega: two_electrons(omega).energy for omega in (*TRAINED, *FAR)}
    cases = {
        "(omega, omega^1/2), 2 x 2": ((), 1, [1.0, 0.5], lambda t: t[:, None], 2),
        "the same, with the tight trap": ((TIGHT,), 1, [1.0, 0.5], lambda t: t[:, None], 2),
        "(1/l^2, 1/l), 1 x 1": ((), 2, [1.0], lambda t: lengths(t)[:, :2], 1),
        "(1/l^2, 1/l), 2 x 2": ((), 2, [1.0], lambda t: lengths(t)[:, :2], 2),
        "(1/l^2, 1/l, omega), 1 x 1": ((), 3, [1.0], lengths, 1),
        "(1/l^2, 1/l, omega), 2 x 2": ((), 3, [1.0], lengths, 2),
        "(1/l^2, 1/l, omega), with both limits": ((TIGHT, LOOSE), 3, [1.0], lengths, 2),
    }
    known = torch.tensor([exact[omega] for omega in FAR])
    for name, (limits, inputs, powers, features, size) in cases.items():
        x = torch.tensor([*TRAINED, *(limit[0] for limit in limits)])
        y = [*(exact[omega] for omega in TRAINED), *(limit[1] for limit in limits)]
        for seed in (0, 1):
            arguments = {"inputs": inputs, "powers": powers, "size": size, "restarts": 32, "imaginary": False}
            model = ParametricMatrixModel(relative=True, seed=seed, **arguments)
            if done("energies", name, seed):
                continue
            start = time.process_time()
            model.fit(Pairs(features(x), y))
            value, spread = (found[:, 0] / known for found in model.predict(features(torch.tensor(FAR))))
            add("energies", name, seed, value - 1, spread, time.process_time() - start)
    x, y = torch.tensor(TRAINED), torch.tensor([exact[omega] for omega in TRAINED])
    cubic = torch.linalg.solve(torch.vander(x.log(), 4), y.log())
    add("energies", "cubic in log-log", 0, (torch.vander(torch.tensor(FAR).log(), 4) @ cubic).exp() / known - 1)
    add("energies", "Gaussian process in log-log", 0, log_process(x, y, torch.tensor(FAR)) / known - 1)


# ---- regression of functions of two variables

#: of matrices that functions with many waves are to be learned by
SLOPE = 3.0


def regression(seeds: int) -> None:
    """200 random points, a tenth of them to choose by, against a grid of 10 000: mean |error| / max |y|."""
    side = torch.linspace(0, 1, 100)
    grid = torch.cartesian_prod(side, side)
    for seed in range(seeds):
        for name, function in FUNCTIONS.items():
            if done("regression", name, seed):
                continue
            truth, x = function(*grid.T), torch.rand(200, 2, generator=torch.Generator().manual_seed(seed))
            y = function(*x.T)
            size = 9 if name in ("Fourier series", "polynomial") else 7
            sizes = {"inputs": 2, "size": size, "restarts": 6, "steps": 80, "slope": SLOPE}
            model = ParametricMatrixModel("transitions", seed=seed, **sizes)
            start = time.process_time()
            model.fit(Pairs(x, y, validation=0.1, seed=seed))
            seconds = time.process_time() - start
            others = baselines(x, y, grid, seed)
            found = [model.predict(grid).value[:, 0], others["kernel ridge"], others["network"]]
            add("regression", name, seed, [(f - truth).abs().mean() / truth.abs().max() for f in found], None, seconds)


# ---- time steps, the Lipkin model, spins without interaction


def trotter(draws: int) -> None:
    """Energies of a chain of ten spins in time steps, followed to steps of no length, every sector by itself.

    Energies of different S^z cross, so that a level is followed in its own sector, which matrices of their own learn.
    """
    magnitudes = np.linspace(0.045, 0.077, 6)
    steps = np.concatenate([-magnitudes, magnitudes])
    for seed in range(draws):
        if done("trotter", "matrices", seed):
            continue
        chain = Chain(np.random.default_rng(seed).random(10))
        exact, errors, spread, quartic, seconds = chain.energies(0), np.zeros(3), np.zeros(3), np.zeros(3), 0.0
        for sector, levels in chain.lowest(3).items():
            y = np.stack([chain.sector_energies(sector, step)[: len(levels)] for step in steps])
            sizes = {"size": 9, "factors": 5, "levels": range(len(levels)), "restarts": 5, "steps": 300}
            start = time.process_time()
            model = ParametricMatrixModel("unitary", seed=seed, **sizes).fit(Pairs(steps, y))
            value, width = (found[0].numpy() for found in model.predict([0.0]))
            seconds += time.process_time() - start
            errors[levels], spread[levels] = value / exact[levels] - 1, width / np.abs(exact[levels])
            for level, curve in zip(levels, y.T, strict=True):
                quartic[level] = np.polyval(np.polyfit(steps, curve, 4), 0.0) / exact[level] - 1
        add("trotter", "quartic", seed, quartic)
        add("trotter", "matrices", seed, errors, spread, seconds)


def lipkin_gap() -> None:
    """Two levels and the number of quanta through a transition, learned on both sides, chosen by two points inside.

    The levels differ in a parity that is conserved, and beyond the transition in nothing else: each has matrices of its
    own, or the ground state of which n is measured would be any mixture of both.
    """
    grid = np.round(np.arange(0.0, 0.405, 0.005), 3)
    values = [lipkin(float(xi)) for xi in grid]
    y = np.array([[*energies, number] for energies, number in values])
    gap, chosen = (grid > 0.1) & (grid < 0.3), np.isin(grid, (0.15, 0.25))
    tested = gap & ~chosen
    for size, seed in itertools.product((5, 7), (0, 1)):
        case = f"matrices, {size} x {size}"
        if done("lipkin", case, seed):
            continue
        errors, start = np.zeros(3), time.process_time()
        for columns in ([0, 2], [1]):
            data = Pairs(grid, y[:, columns])
            data.trained, data.held = (torch.as_tensor(np.flatnonzero(part)) for part in (~gap, chosen))
            sizes = {"size": size, "observables": len(columns) - 1, "restarts": 16}
            model = ParametricMatrixModel(imaginary=False, seed=seed, **sizes)
            best = model.fit(data)(torch.as_tensor(grid[tested])[:, None])[model.error.argmin()].detach().numpy()
            errors[columns] = np.abs(best - y[tested][:, columns]).max(0)
        add("lipkin", case, seed, errors, None, time.process_time() - start)


def spins() -> None:
    """Spins in a field, E/N = -sqrt(1 + c^2)/2, by matrices of two rows."""
    x = torch.linspace(0.1, 1.0, 8)
    start = time.process_time()
    model = ParametricMatrixModel(size=2, imaginary=False).fit(Pairs(x, -0.5 * (1 + x**2).sqrt()))
    far = torch.tensor([3.0, 10.0, -5.0])
    value, spread = (found[:, 0] / (-0.5 * (1 + far**2).sqrt()) for found in model.predict(far))
    add("spins", "matrices", 0, value - 1, spread.abs(), time.process_time() - start)


def add(
    experiment: str, case: str, seed: int, errors: object, spread: object = None, seconds: float | None = None
) -> None:
    """Keep and print a row."""
    row = {"experiment": experiment, "case": case, "seed": seed, "errors": line(errors)}
    row |= {
        "spread": "" if spread is None else line(spread),
        "cpu_seconds": "" if seconds is None else f"{seconds:.1f}",
    }
    keep(TABLE, FIELDS, KEY, [row], order)
    print(", ".join(f"{name} {value}" for name, value in row.items() if value != ""), flush=True)


def order(row: Mapping[str, str]) -> tuple[int, int]:
    """Return the place of a row: that of its experiment, then its seed."""
    return EXPERIMENTS.index(row["experiment"]), int(row["seed"])


def done(experiment: str, case: str, seed: int) -> bool:
    """Return whether a row is kept."""
    return any(tuple(row[name] for name in KEY) == (experiment, case, str(seed)) for row in read(TABLE))


def line(values: object) -> str:
    """Return numbers with three digits."""
    return " ".join(f"{float(value):.2e}" for value in np.asarray(values).ravel())


def main(arguments: list[str] | None = None) -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=EXPERIMENTS, default=EXPERIMENTS)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args(arguments)
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    calls = {
        "energies": energies,
        "regression": lambda: regression(options.seeds),
        "trotter": lambda: trotter(options.draws),
        "lipkin": lipkin_gap,
        "spins": spins,
    }
    for name in options.only:
        calls[name]()
