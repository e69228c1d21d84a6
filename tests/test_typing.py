"""What a type checker tells a user of the package."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
USER = """
# mypy: allow-any-generics
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


WRONG = 'wave.sample("three")\nmodel.observe(samples="many")\n'


@pytest.mark.slow
def test_a_users_file_passes_a_strict_type_checker(tmp_path):
    (tmp_path / "user.py").write_text(USER)
    (tmp_path / "wrong.py").write_text(USER + WRONG)
    # what `make lint` has found of the libraries, by the same options, is not found anew
    kept = ROOT / ".mypy_cache"
    options = ["--strict", "--follow-imports=silent", "--config-file", str(ROOT / "pyproject.toml")]
    command = [
        sys.executable,
        "-m",
        "mypy",
        *options,
        "--cache-dir",
        str(kept if kept.is_dir() else tmp_path / "cache"),
    ]
    files = [str(tmp_path / name) for name in ("user.py", "wrong.py")]
    done = subprocess.run([*command, *files], cwd=ROOT, capture_output=True, text=True)
    said = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert done.returncode == 1 and len(said) == 2, done.stdout + done.stderr
    assert all("wrong.py:" in line for line in said) and "call-overload" in said[0] and "arg-type" in said[1]
