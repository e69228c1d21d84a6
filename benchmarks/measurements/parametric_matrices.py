"""Parametric matrix models on spectra and functions, beside a polynomial, a network and kernel ridge regression.

    python -m benchmarks parametric_matrices [--only energies regression trotter lipkin spins] [--draws 10] [--seeds 3]

Errors are those of the median over restarts; `spread` is what the model says itself.
"""

from __future__ import annotations

import argparse
import logging
import math
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from benchmarks.measurements.spectra import Chain, lipkin
from physgen.data import Pairs
from physgen.models import ParametricMatrixModel
from physgen.systems import two_electrons

torch.set_default_dtype(torch.float64)


def baselines(x: Tensor, y: Tensor, far: Tensor, seed: int) -> dict[str, Tensor]:
    """Return predictions `(N,)` at `far` of a tuned network and of kernel ridge regression, by `(M, d)` and `(M,)`."""
    held = max(1, len(x) // 10)
    mean, spread = y.mean(), y.std()
    z = (y - mean) / spread

    def ridge(width: float, penalty: float, part: slice) -> Callable[[Tensor], Tensor]:
        centres = x[part]
        gram = torch.exp(-torch.cdist(centres, centres).square() / (2 * width**2))
        weights = torch.linalg.solve(gram + penalty * torch.eye(len(centres)), z[part])
        return lambda t: torch.exp(-torch.cdist(t, centres).square() / (2 * width**2)) @ weights

    grid = [(w, p) for w in (0.1, 0.2, 0.3, 0.5, 1.0) for p in (1e-10, 1e-8, 1e-6, 1e-4, 1e-2)]
    train = slice(0, len(x) - held)
    best = min(grid, key=lambda g: float((ridge(*g, train)(x[-held:]) - z[-held:]).abs().mean()))
    found = {"kernel ridge": ridge(*best, slice(None))(far)}
    candidates = []
    for width, rate in ((32, 1e-2), (64, 3e-3)):
        torch.manual_seed(seed)
        net = torch.nn.Sequential(
            torch.nn.Linear(x.shape[1], width), torch.nn.Tanh(), torch.nn.Linear(width, width), torch.nn.Tanh(),
            torch.nn.Linear(width, 1),
        )  # fmt: skip
        optimizer = torch.optim.Adam(net.parameters(), lr=rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 3000)
        for _ in range(3000):
            optimizer.zero_grad()
            (net(x[train])[:, 0] - z[train]).square().mean().backward()
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            candidates.append((float((net(x[-held:])[:, 0] - z[-held:]).abs().mean()), net(far)[:, 0]))
    found["network"] = min(candidates, key=lambda c: c[0])[1]
    return {name: mean + spread * value for name, value in found.items()}


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
    print(f"E(omega), trained at {TRAINED}: relative errors at omega = {FAR}")
    cases = {
        "(omega, omega^1/2), 2 x 2": ((), 1, [1.0, 0.5], lambda t: t[:, None]),
        "the same, with the tight trap": ((TIGHT,), 1, [1.0, 0.5], lambda t: t[:, None]),
        "(1/l^2, 1/l, omega), with both limits": ((TIGHT, LOOSE), 3, [1.0], lengths),
    }
    known = torch.tensor([exact[omega] for omega in FAR])
    for name, (limits, inputs, powers, features) in cases.items():
        x = torch.tensor([*TRAINED, *(limit[0] for limit in limits)])
        y = [*(exact[omega] for omega in TRAINED), *(limit[1] for limit in limits)]
        for seed in (0, 1):
            arguments = {"inputs": inputs, "powers": powers, "size": 2, "restarts": 32, "imaginary": False}
            model = ParametricMatrixModel(relative=True, seed=seed, **arguments).fit(Pairs(features(x), y))
            value, spread = (found[:, 0] / known for found in model.predict(features(torch.tensor(FAR))))
            print(f"  {name}, seed {seed}: {line(value - 1)}; spread {line(spread)}")
    x = torch.tensor(TRAINED).log()
    cubic = torch.linalg.solve(torch.vander(x, 4), torch.tensor([exact[omega] for omega in TRAINED]).log())
    print(f"  cubic in log-log: {line((torch.vander(torch.tensor(FAR).log(), 4) @ cubic).exp() / known - 1)}")


# ---- regression of functions of two variables


def gaussian(x: Tensor, y: Tensor, a: float) -> Tensor:
    """Return a hill about the middle of the square."""
    return torch.exp(-a * ((x - 0.5).square() + (y - 0.5).square())) / 3


def franke(x: Tensor, y: Tensor) -> Tensor:
    """Return Franke's function."""
    first = 0.75 * torch.exp(-((9 * x - 2) ** 2 + (9 * y - 2) ** 2) / 4)
    second = 0.75 * torch.exp(-((9 * x + 1) ** 2) / 49 - (9 * y + 1) / 10)
    third = 0.5 * torch.exp(-((9 * x - 7) ** 2 + (9 * y - 3) ** 2) / 4)
    return first + second + third - 0.2 * torch.exp(-((9 * x - 4) ** 2) - (9 * y - 7) ** 2)


def cloverleaf(x: Tensor, y: Tensor) -> Tensor:
    """Return the asymmetric peaks of a cloverleaf."""
    a, b = torch.exp((10 - 20 * x) / 3), torch.exp((10 - 20 * y) / 3)
    scale = ((20 / 3) ** 3 * a * b) ** 2 * (1 / ((1 + a) * (1 + b))) ** 5
    return scale * (a - 2 / (1 + a)) * (b - 2 / (1 + b))


def cosine_peak(x: Tensor, y: Tensor) -> Tensor:
    """Return rings about the middle that decay."""
    r = ((80 * x - 40).square() + (90 * y - 45).square()).sqrt()
    return torch.exp(-0.04 * r) * torch.cos(0.15 * r)


def romero(x: Tensor, y: Tensor) -> Tensor:
    """Return Romero's function of radius and angle."""
    r = (x.square() + y.square()).sqrt()
    wave = 0.8 * r + 0.35 * torch.sin(2.4 * math.pi * r / math.sqrt(2))
    return wave * 1.5 * torch.sin(1.3 * torch.atan2(y, x))


def random_series(kind: str) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a random Fourier series of three waves a side, or a random polynomial of degree four a side."""
    draws = torch.Generator().manual_seed(11)
    if kind == "fourier":
        a = torch.randn(4, 4, 2, generator=draws)
        k = torch.arange(4.0)

        def series(x: Tensor, y: Tensor) -> Tensor:
            phase = math.pi * (x[:, None, None] * k[:, None] + y[:, None, None] * k)
            return (a[..., 0] * phase.cos() + a[..., 1] * phase.sin()).sum((1, 2))

        return series
    a = torch.randn(5, 5, generator=draws)
    return lambda x, y: torch.einsum("bi,ij,bj->b", torch.vander(2 * x - 1, 5), a, torch.vander(2 * y - 1, 5))


#: the first ten as in R. J. Renka and R. Brown, "Algorithm 792", doi:10.1145/305658.305745
FUNCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "Franke": franke,
    "cliff": lambda x, y: (torch.tanh(9 * (y - x)) + 1) / 9,
    "saddle": lambda x, y: (1.25 + torch.cos(5.4 * y)) / (6 + 6 * (3 * x - 1) ** 2),
    "gentle": lambda x, y: gaussian(x, y, 81 / 16),
    "steep": lambda x, y: gaussian(x, y, 81 / 4),
    "sphere": lambda x, y: (64 - 81 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)).sqrt() / 9 - 0.5,
    "trigonometric": lambda x, y: 2 * torch.cos(10 * x) * torch.sin(10 * y) + torch.sin(10 * x * y),
    "Gaussians": lambda x, y: (
        torch.exp(-((5 - 10 * x) ** 2) / 2)
        + 0.75 * torch.exp(-((5 - 10 * y) ** 2) / 2) * (1 + torch.exp(-((5 - 10 * x) ** 2) / 2))
    ),
    "cloverleaf": cloverleaf,
    "cosine peak": cosine_peak,
    "bilinear": lambda x, y: x * y + x,
    "Romero": romero,
    "Runge": lambda x, y: 1 / (1 + 25 * ((2 * x - 1) ** 2 + (2 * y - 1) ** 2)),
    "Fourier series": random_series("fourier"),
    "polynomial": random_series("polynomial"),
}


def regression(seeds: int) -> None:
    """200 random points, a tenth of them to choose by, against a grid of 10 000."""
    side = torch.linspace(0, 1, 100)
    grid = torch.cartesian_prod(side, side)
    print("Regression, mean |error| / max |y|, mean over seeds: matrices (one restart chosen, median), ridge, network")
    everything = []
    for name, function in FUNCTIONS.items():
        truth, rows = function(*grid.T), []
        for seed in range(seeds):
            x = torch.rand(200, 2, generator=torch.Generator().manual_seed(seed))
            y = function(*x.T)
            size = 9 if name in ("Fourier series", "polynomial") else 7
            model = ParametricMatrixModel("transitions", inputs=2, size=size, restarts=6, steps=80, seed=seed)
            start = time.process_time()
            model.fit(Pairs(x, y, validation=0.1, seed=seed))
            cost = time.process_time() - start
            with torch.no_grad():
                chosen = model(grid)[model.error.argmin(), :, 0]
            others = baselines(x, y, grid, seed)
            found = [chosen, model.predict(grid).value[:, 0], others["kernel ridge"], others["network"]]
            rows.append([float((f - truth).abs().mean() / truth.abs().max()) for f in found] + [cost])
        means = np.mean(rows, 0)
        everything.append(means)
        print(f"  {name}: {line(means[:4])}; {means[4]:.0f} CPU s a fit", flush=True)
    print(f"  mean of {len(FUNCTIONS)}: {line(np.mean(everything, 0)[:4])}")


# ---- time steps, the Lipkin model, spins without interaction


def trotter(draws: int) -> None:
    """Energies of a chain of ten spins in time steps, followed to steps of no length."""
    magnitudes = np.linspace(0.045, 0.077, 6)
    steps = np.concatenate([-magnitudes, magnitudes])
    rows = []
    for seed in range(draws):
        chain = Chain(np.random.default_rng(seed).random(10))
        y, exact = np.stack([chain.energies(step) for step in steps]), chain.energies(0)
        model = ParametricMatrixModel("unitary", size=9, factors=5, levels=[0, 1, 2], restarts=8, steps=60, seed=seed)
        start = time.process_time()
        found = model.fit(Pairs(steps, y)).predict([0.0])
        cost = time.process_time() - start
        polynomial = [np.polyval(np.polyfit(steps, level, 4), 0.0) for level in y.T]
        rows.append([*(np.abs(found.value[0].numpy() / exact - 1)), *np.abs(np.array(polynomial) / exact - 1)])
        print(f"  draw {seed}: {line(rows[-1][:3])}; quartic {line(rows[-1][3:])}; {cost:.0f} CPU s", flush=True)
    middle = np.median(rows, 0)
    print(f"Chain in time steps, medians of {draws} draws: matrices {line(middle[:3])}; quartic {line(middle[3:])}")


def lipkin_gap() -> None:
    """Two levels and the number of quanta through a transition, learned on both sides of it."""
    grid = np.round(np.arange(0.0, 0.405, 0.005), 3)
    values = {xi: lipkin(float(xi)) for xi in grid}
    y = np.array([[*values[xi][0], values[xi][1]] for xi in grid])
    gap = (grid > 0.1) & (grid < 0.3)
    for seed in (0, 1):
        arguments = {"size": 9, "levels": [0, 1], "observables": 1, "restarts": 16, "imaginary": False}
        model = ParametricMatrixModel(seed=seed, **arguments).fit(Pairs(grid[~gap], y[~gap]))
        error = np.abs(model.predict(grid[gap]).value.numpy() - y[gap]).max(0)
        print(f"Lipkin model, largest errors in 0.1..0.3, seed {seed}: {line(error[:2])}; n/N {line(error[2:])}")


def spins() -> None:
    """Spins in a field, E/N = -sqrt(1 + c^2)/2, by matrices of two rows."""
    x = torch.linspace(0.1, 1.0, 8)
    model = ParametricMatrixModel(size=2, imaginary=False).fit(Pairs(x, -0.5 * (1 + x**2).sqrt()))
    far = torch.tensor([3.0, 10.0, -5.0])
    error = model.predict(far).value[:, 0] / (-0.5 * (1 + far**2).sqrt()) - 1
    print(f"Spins without interaction at c = 3, 10, -5: {line(error)}")


def line(values: object) -> str:
    """Return numbers with two digits."""
    return ", ".join(f"{float(value):.1e}" for value in np.asarray(values).ravel())


def main(arguments: list[str] | None = None) -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ("energies", "regression", "trotter", "lipkin", "spins")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args(arguments)
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
