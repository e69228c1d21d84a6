"""What a type checker tells a user of the package."""

import subprocess
import sys

import pytest

USER = """
from typing import Any, assert_type

import numpy as np
import torch
from torch import Tensor

import physgen
from physgen.core.errors import check_positive
from physgen.models import FlowModel, GaussianBinaryRBM, MLPFlow
from physgen.models.base import Model
from physgen.runs.result import Estimate
from physgen.samplers import MALA
from physgen.systems import ClassicalSystem, QuantumDot, Reference, System

assert_type(physgen.list_pretrained(), list[str])
model = physgen.load_pretrained("quantum-dot-2d-n2-omega1/rbm-jastrow")
assert_type(model, Model)
x = model.sample(1000)
found = model.observe(samples=10, seed=0, batch=5)["energy"]
assert_type(found, Estimate)
assert_type(found.value, float)

wave = GaussianBinaryRBM(QuantumDot(n=2, omega=0.5), hidden=4, jastrow=True, sampler=MALA(walkers=10))
assert_type(wave.sample(3), Tensor)
drawn: np.ndarray = wave.sample(3, 7, numpy=True)
assert_type(wave.log_psi(torch.zeros(1, 2, 2)), tuple[Tensor, Tensor])
assert_type(wave.local_energy(torch.zeros(1, 2, 2)), dict[str, Tensor])
assert_type(wave.system.references()[0].value, float)
gradient, laplacian = wave.derivatives(drawn)
total: np.ndarray = wave.local_energy(drawn)["total"] + laplacian


class Well(ClassicalSystem):
    symmetries = ("rotation",)

    def __init__(self, beta: float = 1.0, k: float = 1.0) -> None:
        self.n, self.dim = 1, 2
        self.beta = check_positive("beta", beta)
        self.k = k

    def terms(self, x: Tensor) -> dict[str, Tensor]:
        return {"well": self.k * x.square().sum((-1, -2))}

    def references(self) -> list[Reference]:
        return [Reference("energy", 1 / self.beta, 0.0, "exact", "equipartition", True)]


class Identity(FlowModel):
    def __init__(self, system: System, **kwargs: Any) -> None:
        super().__init__(system, **kwargs)

    def transform(self, z: Tensor) -> tuple[Tensor, Tensor]:
        return z, z.new_zeros(len(z))

    def log_prob(self, x: Tensor) -> Tensor:
        return self.log_latent(x.flatten(1) / self.scale)


assert_type(Identity(Well(), batch_size=8).sample(3), tuple[Tensor, Tensor])
assert_type(MLPFlow(Well()).log_prob(torch.zeros(1, 1, 2)), Tensor)
"""


def checked(tmp_path, text):
    """Return what mypy, at its strictest, says of a user's file."""
    (tmp_path / "user.py").write_text(text)
    command = [sys.executable, "-m", "mypy", "--strict", "--allow-any-generics", "--follow-imports=silent",
               "--cache-dir", str(tmp_path / "cache"), "user.py"]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    return [line for line in done.stdout.splitlines() if "user.py:" in line and ": error: " in line], done.returncode


@pytest.mark.slow
def test_a_users_file_passes_a_strict_type_checker(tmp_path):
    assert checked(tmp_path, USER) == ([], 0)
    said, code = checked(tmp_path, USER + 'wave.sample("three")\nmodel.observe(samples="many")\n')
    assert code == 1 and len(said) == 2 and "call-overload" in said[0] and "arg-type" in said[1]
