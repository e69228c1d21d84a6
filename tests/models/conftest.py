import warnings

import lightning
import pytest
import torch

from physgen.systems import ClassicalSystem


@pytest.fixture
def trainer(tmp_path):
    """Make a trainer of a few iterations that writes nothing."""

    def make(precision="64-true", epochs=1, enable_progress_bar=False, **arguments):
        return lightning.Trainer(
            accelerator="cpu",
            devices=1,
            precision=precision,
            max_epochs=epochs,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=enable_progress_bar,
            enable_model_summary=False,
            log_every_n_steps=2,
            default_root_dir=tmp_path,
            **arguments,
        )

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*GPU available.*|.*MPS available.*")
        yield make


class _Line(ClassicalSystem):
    """One particle on the line in x^2/2: small enough that a density can be integrated."""

    n = dim = 1
    beta = 1.0

    def __init__(self):
        pass

    def terms(self, x):
        return {"trap": 0.5 * x.square().sum((-1, -2))}


@pytest.fixture
def line():
    return _Line()


@pytest.fixture
def total():
    """Integral of a density of one particle on the line or in the plane by the trapezoidal rule."""

    def integrate(log_prob, dim, reach, points):
        grid = torch.linspace(-reach, reach, points, dtype=torch.float64)
        x = torch.cartesian_prod(*[grid] * dim).reshape(-1, 1, dim)
        with torch.no_grad():
            weight = torch.cat([log_prob(part).exp() for part in x.split(20_000)]).sum()
        return float(weight * (grid[1] - grid[0]) ** dim)

    return integrate
