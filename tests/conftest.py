"""Every test: one thread, no account, no global state left behind."""

import csv
import gc
import inspect
import os
import typing
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["WANDB_MODE"] = "offline"
os.environ["WANDB_SILENT"] = "true"

import pytest
import torch

#: users' files, imported by the tests of them alone
collect_ignore_glob = ["tenants/tenant_*.py"]

torch.set_num_threads(1)
# no test cuts the power: it need not wait until files have reached the disk
os.fsync = lambda descriptor: None


def pytest_collection_finish():
    """What was imported and collected stays to the end: no search for garbage goes through it again."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items):
    """Begin with the slow tests, so that none runs alone at the end while the other processes wait."""
    items.sort(key=lambda item: "slow" not in item.keywords)


@pytest.fixture(scope="session")
def shaped():
    """Call a method and compare arguments and result with the shapes that a base of its class annotates."""
    jaxtyping = pytest.importorskip("jaxtyping")

    def fits(value, hint):
        if typing.get_origin(hint) is typing.Annotated:
            return isinstance(value, jaxtyping.Shaped[torch.Tensor, hint.__metadata__[0]])
        if typing.get_origin(hint) is tuple:
            return len(value) == len(typing.get_args(hint)) and all(map(fits, value, typing.get_args(hint)))
        if typing.get_origin(hint) is dict:
            return all(fits(part, typing.get_args(hint)[1]) for part in value.values())
        return True

    def call(base, thing, name, *arguments):
        declared = inspect.unwrap(getattr(base, name))
        hints = typing.get_type_hints(declared, include_extras=True)
        assert "Annotated" in str(hints), f"{base.__name__}.{name} names no shapes"
        with jaxtyping.jaxtyped("context"):
            given = inspect.signature(declared).bind(thing, *arguments).arguments
            for key in hints.keys() & given.keys():
                assert fits(given[key], hints[key]), f"{key} of {type(thing).__name__}.{name}"
            found = getattr(thing, name)(*arguments)
            assert fits(found, hints["return"]), f"result of {type(thing).__name__}.{name}"
        return found

    return call


@pytest.fixture
def float64():
    """Make float64 the default dtype for one test."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture
def generator():
    """A source of draws of its own for every test."""
    return torch.Generator().manual_seed(20240917)


@pytest.fixture
def agrees():
    """Assert that independent rows `(samples, ...)` have the mean `expected`, every entry within `sigmas` errors."""

    def check(samples, expected, sigmas=4.0, bias=0.0):
        samples = samples.double().flatten(1) if samples.ndim > 1 else samples.double()[:, None]
        expected = torch.as_tensor(expected, dtype=torch.float64).flatten()
        error = samples.std(0) / len(samples) ** 0.5
        assert error.isfinite().all() and (error > 0).all()
        off = (samples.mean(0) - expected).abs() - bias
        assert (off <= sigmas * error).all(), f"off by {(off / error).max():.1f} sigma"

    return check


@pytest.fixture
def by_autograd():
    """Gradient `(batch, n, dim)` and Laplacian `(batch,)` of a function of configurations by double backward."""

    def derivatives(function, x):
        x = x.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
        laplacian = torch.zeros(len(x), dtype=x.dtype)
        for index in range(gradient[0].numel()):
            (row,) = torch.autograd.grad(gradient.flatten(1)[:, index].sum(), x, retain_graph=True)
            laplacian += row.flatten(1)[:, index]
        return gradient.detach(), laplacian

    return derivatives


@pytest.fixture
def plane_waves():
    """Make psi = det up x det down of the filled plane waves of periodic matter, from its system."""
    from physgen.nn.determinants.plane_waves import PlaneWaves

    class PlaneWaveDeterminants:
        antisymmetric = True

        def __init__(self, system):
            self.system, self.waves = system, PlaneWaves(system.n_up).double()

        def parts(self, x):
            x = x / self.system.side
            return [part for part in (x[:, : self.system.n_up], x[:, self.system.n_up :]) if part.shape[1]]

        def log_psi(self, x):
            found = [torch.linalg.slogdet(self.waves(part)) for part in self.parts(x)]
            return torch.stack([f[0] for f in found]).prod(0), torch.stack([f[1] for f in found]).sum(0)

        def derivatives(self, x):
            gradients, laplacian = [], 0.0
            for part in self.parts(x):
                jet = self.waves.jet(part)
                # a particle moves its own row alone
                own = torch.einsum("bki,dbik->dbi", torch.linalg.inv(jet.value), jet.stack[1:])
                gradients.append(own[1:].movedim(0, -1))
                laplacian = laplacian + (own[0] - own[1:].square().sum(0)).sum(-1)
            side = self.system.side
            return torch.cat(gradients, 1) / side, laplacian / side**2

        def local_energy(self, x):
            return self.system.local_energy(self, x)

        def density(self, x):
            return 2 * self.log_psi(x)[1]

        def walkers(self, sampler, generator, moves=40):
            start = self.system.initial(sampler.walkers, generator, torch.float64)
            sampler.start(start, generator, 0.05 * self.system.side, space=self.system.space)
            sampler.warm_up(self.density, moves)
            return sampler.x

    return PlaneWaveDeterminants


#: short trainings of the first two models, as arguments of the command line
TINY = {
    "GaussianBinaryRBM": "--model GaussianBinaryRBM --model.system QuantumDot --model.hidden 2 "
    "--model.sampler.walkers 16 --model.sampler.warm_up_steps 10 --model.sampler.steps 2",
    "MLPFlow": "--model MLPFlow --model.system ClassicalDot --model.system.n 2 --model.hidden [8,8] "
    "--model.batch_size 16",
}
SHORT = (
    "--trainer.max_epochs 1 --trainer.accelerator cpu --trainer.log_every_n_steps 2 --model.steps_per_epoch 4 "
    "--evaluation.samples 200 --evaluation.batch 100 --evaluation.thin 1 --evaluation.warm_up 10 --wandb off "
    "--figures false --trainer.enable_progress_bar false"
)


@pytest.fixture(scope="session")
def tiny():
    """Return the arguments of a short training of `model` into `folder`; those in `more` come last."""

    def arguments(model, folder, more=""):
        return ["fit", *TINY[model].split(), *SHORT.split(), "--run_folder", str(folder), *more.split()]

    return arguments


@pytest.fixture
def records():
    """Return the rows of `metrics.csv` without their times, which differ whatever else is the same."""

    def read(folder):
        with (folder / "metrics.csv").open(newline="") as file:
            return [{k: v for k, v in row.items() if k != "train/cpu_seconds"} for row in csv.DictReader(file)]

    return read


@pytest.fixture(scope="module")
def no_service_left_behind():
    """End W&B's service after the tests of a module."""
    from physgen.runs.wandb_runs import end_service

    yield
    end_service()
    with warnings.catch_warnings():  # W&B leaves the handles of its service to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def refused(capfd):
    """Run a call that must be refused: exit code 2 and one line, returned, that names `argument`."""
    from physgen.cli import main

    def call(arguments, argument, code=2):
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(a) for a in arguments])
        said = capfd.readouterr().err.strip()
        assert end.value.code == code, said
        assert said.startswith("physgen: error: ") and "\n" not in said and argument in said, said
        return said

    return call


@pytest.fixture
def same():
    """Assert that two files of checkpoints hold the same tensors and numbers, bit for bit; times are left out."""

    def compare(a, b, where=""):
        assert type(a) is type(b), where
        if isinstance(a, torch.Tensor):
            assert a.dtype == b.dtype and torch.equal(a, b), where
        elif isinstance(a, dict):
            keys = [k for k in a if not str(k).startswith(("RunCard", "ModelCheckpoint", "loops", "EarlyStopping"))]
            assert a.keys() == b.keys(), where
            for key in keys:
                compare(a[key], b[key], f"{where}.{key}")
        elif isinstance(a, (list, tuple)):
            assert len(a) == len(b), where
            for index, (one, other) in enumerate(zip(a, b, strict=True)):
                compare(one, other, f"{where}[{index}]")
        else:
            assert a == b or a != a and b != b, where

    def files(first, second):
        compare(*(torch.load(f, weights_only=True) for f in (first, second)))

    return files
