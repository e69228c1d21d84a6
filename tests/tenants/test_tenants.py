"""Systems and models of a kind that the package does not hold: users' files, taken without a change of the package."""

import importlib.util
import sys
from pathlib import Path

import lightning
import pytest
import torch

from physgen.callbacks import Figures
from physgen.core.errors import InputError
from physgen.dmc.guide import check_guide
from physgen.models import MLPFlow, Model
from physgen.monte_carlo import reference
from physgen.spaces import Lattice
from physgen.systems import At, System

HERE = Path(__file__).parent


def user_file(name):
    """Return the module of a user's file beside this one, imported once."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def trained(model, epochs, **settings):
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
    lightning.Trainer(max_epochs=epochs, enable_checkpointing=False, **quiet, **settings).fit(model)
    return model


@pytest.fixture(scope="module", autouse=True)
def registries():
    """Registries without the users' classes, for the tests that follow."""
    before = {family: dict(family.registry) for family in (System, Model)}
    yield
    for family, held in before.items():
        family.registry.clear()
        family.registry.update(held)


@pytest.fixture(scope="module")
def ising():
    return user_file("tenant_ising")


@pytest.fixture(scope="module")
def rabi():
    return user_file("tenant_rabi")


@pytest.mark.parametrize(("name", "parts"), [("tenant_ising", 2), ("tenant_rabi", 3)])
def test_a_part_of_a_users_file_is_short(name, parts):
    lines = [line for line in (HERE / f"{name}.py").read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(lines) <= 30 * parts


@pytest.mark.filterwarnings("ignore:.*not decrease:UserWarning")
def test_spins_on_a_lattice(ising, tmp_path):
    torch.manual_seed(1)
    model = trained(ising.SigmoidChain(ising.PeriodicIsing(), learning_rate=0.02, batch_size=256), 8)
    found = model.observe(samples=20_000, seed=2, observables={"first": lambda x: x[:, 0, 0]})
    assert model.result.alarm() is None and model.result.reference.label == "exact"
    assert model.result.diagnostics["ess"] > 0.95 and 0 < found["kl"].value < 0.01
    free, exact = found["free_energy_importance"], model.result.reference.value
    assert abs(free.value - exact) < 4 * free.error < 0.02
    assert not {"square_radius", "rms_radius"} & found.keys()
    assert abs(found["first_importance"].value) < 4 * found["first_importance"].error  # up and down alike
    Figures(tmp_path).on_test_end(None, model)
    assert {path.name for path in tmp_path.iterdir()} == {"correlation.png", "structure.npz"}


def test_correlation_and_magnetisation_by_enumeration(ising):
    """Histograms of all states, each as often as it weighs, are exact means."""
    space = Lattice((2, 3))
    (observable,) = space.observables()
    x = torch.tensor([[1.0, 1.0, -1.0], [1.0, -1.0, -1.0]])[None, None].expand(2, 3, 2, 3)
    found = observable.histograms(x)
    rows = (1 - 1 - 1 + -1 + 1 - 1) / 6  # neighbours along the second axis, periodic
    columns = (1 - 1 + 1) * 2 / 6
    assert found["correlation"].tolist() == pytest.approx([1.0, (rows + columns) / 2])
    assert torch.equal(found["correlation_error"], torch.zeros(2, dtype=torch.float64))
    values = observable.measure(At(None, x[0]))
    assert torch.equal(values["magnetisation"], torch.zeros(3)) and len(values) == 2


def test_a_lattice_checks_what_it_is_given():
    space = Lattice((4, 4))
    space.check(space.initial(5, 1.0, torch.Generator().manual_seed(0), None, torch.device("cpu")))
    with pytest.raises(InputError, match=r"^x must be one of -1, 1, got 0\.5"):
        space.check(torch.full((2, 4, 4), 0.5))
    with pytest.raises(InputError, match=r"^samples must be of the shape \(N, 4, 4\), got \(2, 4, 5\)"):
        space.check(torch.ones(2, 4, 5), "samples")
    with pytest.raises(InputError, match="^values must be at least two different numbers"):
        Lattice((4,), (1.0, 1.0))


def test_what_a_lattice_cannot_do_is_refused(ising):
    with pytest.raises(InputError, match="^system "):
        reference(ising.PeriodicIsing())
    with pytest.raises(
        InputError, match="^space of system must be Free or Relative or FieldLattice for MLPFlow, got .?Lattice"
    ):
        MLPFlow(ising.PeriodicIsing())


def test_a_wavefunction_of_two_components(rabi, caplog):
    torch.manual_seed(3)
    model = trained(rabi.Spinor(rabi.Rabi(), learning_rate=0.3, norm_limit=0.1), 6)
    found = model.observe(samples=20_000, seed=2)
    assert model.result.alarm() is None
    assert abs(found["energy"].value - 0.1195551) < 4 * found["energy"].error + 3e-5
    assert model.result.diagnostics["variance"] < 1e-5
    assert "derivatives" not in caplog.text  # nothing asks for them
    with pytest.raises(InputError, match="^dmc: components of psi must be none"):
        check_guide(model, model.system)
