"""The deuteron on a mesh of momenta: training, evaluation, files of users."""

import numpy as np
import pytest
import torch
from lightning import Trainer

from physgen.core.errors import InputError
from physgen.models import DeuteronNetwork, Model
from physgen.runs.evaluation import Evaluation
from physgen.systems import Deuteron, QuantumDot

QUIET = {"logger": False, "enable_progress_bar": False, "accelerator": "cpu", "enable_model_summary": False}
QUIET |= {"precision": "64-true"}


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(2)


@pytest.fixture(scope="module")
def trained():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)
    model = DeuteronNetwork(Deuteron(), steps_per_epoch=150)
    Trainer(max_epochs=1, enable_checkpointing=False, **QUIET).fit(model)
    torch.set_default_dtype(before)
    return model


def test_ten_units_learn_the_deuteron(trained):
    """Within 1 keV of the exact energy and 0.02 percentage points of its D-state probability."""
    result, exact = trained.evaluate(Evaluation()), {r.quantity: r.value for r in trained.system.references()}
    found = {name: estimate.value for name, estimate in result.estimates.items()}
    assert exact["energy"] == pytest.approx(-2.2245992, abs=1e-6)
    assert 0 < found["energy"] - exact["energy"] < 1e-3
    assert 100 * found["d_state"] == pytest.approx(100 * exact["d_state"], abs=0.02)
    assert found["rms_radius"] == pytest.approx(exact["rms_radius"], rel=5e-3)
    assert found["kinetic"] + found["potential"] == pytest.approx(found["energy"])
    assert result.diagnostics["infidelity"] < 1e-4
    assert result.headline.error == 0 and result.reference.label == "exact" and result.alarm() is None


def test_the_exact_state_has_the_exact_values():
    """The observables of waves that take the exact values on the mesh."""
    system = Deuteron()
    model = DeuteronNetwork(system)
    momenta, weights = torch.tensor(system.momenta), torch.tensor(system.weights)
    exact = system.ground_state[1] / (weights.sqrt() * momenta)
    (observable,) = model.headline_observables()
    observable.waves = lambda k: -3 * exact + 0 * k  # neither sign nor norm matters
    observable.radius = lambda *parts: 0.0
    torch.testing.assert_close(observable.amplitudes()[2], exact)
    found = type("Found", (), {"diagnostics": {}, "estimates": {}})()
    observable.finish(found)
    assert found.estimates["energy"].value == pytest.approx(system.ground_state[0], abs=1e-10)
    assert abs(found.diagnostics["infidelity"]) < 1e-12 and abs(found.diagnostics["variance"]) < 1e-7


def test_radius_of_known_waves():
    """psi_0 = exp(-a k^2): <r^2> = 3 a; psi_2 = k^2 exp(-a k^2): <r^2> = 7 a."""
    model = DeuteronNetwork(Deuteron())
    (observable,) = model.headline_observables()
    a = 0.8
    for row, expected in ((0, 3 * a), (1, 7 * a)):

        def waves(k, row=row):
            both = [torch.exp(-a * k.square()), 0 * k]
            return torch.stack(both if row == 0 else [1e-12 * both[0], k.square() * both[0]])

        observable.waves = waves
        assert observable.radius(*observable.amplitudes()) == pytest.approx(0.5 * expected**0.5, rel=1e-9)


def test_draws_follow_the_state(trained, agrees):
    x = trained.sample(20_000, 3)
    assert x.shape == (20_000, 1)
    kinetic = trained.system.terms(x)["kinetic"]
    exact = trained.evaluate(Evaluation()).estimates["kinetic"].value
    agrees(kinetic.clamp_max(1e6), exact)


def test_arrays_and_figure(trained):
    trained.evaluate(Evaluation())
    (observable,) = [o for o in trained.measurements.observables if type(o).__name__ == "MomentumState"]
    arrays = {k: v.numpy() for k, v in observable.histograms(trained.evaluated).items()}
    assert np.abs(arrays["waves"] - arrays["exact"]).max() < 0.05 * np.abs(arrays["exact"]).max()
    assert set(observable.figures(arrays, trained.evaluated, "2H")) == {"waves"}


def test_checkpoint_rebuilds_it(trained, tmp_path):
    trainer = Trainer(max_epochs=1, default_root_dir=tmp_path, **QUIET)
    model = DeuteronNetwork(Deuteron(), hidden=3, steps_per_epoch=3)
    trainer.fit(model)
    path = trainer.checkpoint_callback.best_model_path or trainer.checkpoint_callback.last_model_path
    again = Model.load_from_checkpoint(path)
    k = torch.linspace(0.1, 3, 5)[:, None]
    torch.testing.assert_close(again(k), model(k))


def test_the_entry_is_verified():
    from physgen.zoo.verify import verify

    found = verify("deuteron-one-pion-64-k30/deuteron-network", seed=1, seconds=1)
    assert found.sigma == 0 and not found.failure


def test_rmsprop_lowers_the_energy():
    model = DeuteronNetwork(Deuteron(), envelope=False, optimizer="rmsprop", steps_per_epoch=50)
    before = model.evaluate(Evaluation()).headline.value
    Trainer(max_epochs=1, enable_checkpointing=False, **QUIET).fit(model)
    assert model.evaluate(Evaluation()).headline.value < before


def gaussian_file(path, **changes):
    """The pionless force with cutoff 4 / fm, an S wave alone, as a user would bring it."""
    from physgen.systems.partial_waves import momentum_mesh, partial_waves

    k, w = momentum_mesh(48, 30.0)
    waves = partial_waves(lambda r: (-505.1643 * np.exp(-4 * r**2))[:, None, None], k, (0,))
    arrays = {"momenta": k, "weights": w, "orders": np.array([0]), "potential": waves, **changes}
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return str(path)


def test_a_force_from_a_file(tmp_path):
    path = gaussian_file(tmp_path / "gauss.npz")
    system = Deuteron(matrix=path)
    assert system.ground_state[0] == pytest.approx(-2.225155, abs=2e-6)
    assert system.label.startswith("deuteron-gauss-") and system.label == Deuteron(matrix=path).label
    result = DeuteronNetwork(system, hidden=4).evaluate(Evaluation())
    assert "d_state" not in result.estimates and result.headline.value > system.ground_state[0]


def skewed():
    potential = np.zeros((1, 48, 1, 48))
    potential[0, 0, 0, 1] = 1.0
    return potential


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"potential": np.zeros((1, 40, 1, 40))}, "potential of"),
        ({"potential": skewed()}, "must be symmetric, V and its transpose differ by 1 relative"),
        ({"weights": np.ones(3)}, "weights of"),
        ({"orders": None}, "without orders"),
        ({"momenta": -np.ones(48)}, "arrays of"),
        ({"orders": np.array([0.5])}, "orders of"),
        ({"hbar2_over_mass": np.array(-1.0)}, "hbar2_over_mass of"),
    ],
)
def test_bad_files_are_one_line(tmp_path, changes, message):
    path = gaussian_file(tmp_path / "bad.npz", **changes)
    with pytest.raises(InputError) as error:
        Deuteron(matrix=path)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_refusals(tmp_path):
    path = gaussian_file(tmp_path / "g.npz")
    for make, message in (
        (lambda: Deuteron(matrix=str(tmp_path / "none.npz")), "none.npz"),
        (lambda: Deuteron(matrix=path, points=32), "points has no effect with a matrix"),
        (lambda: Deuteron(largest=100.0), "largest must be at most 30"),
        (lambda: Deuteron(points=4), "points must be"),
        (lambda: DeuteronNetwork(QuantumDot(2)), "space of system must be Momenta for DeuteronNetwork"),
        (lambda: DeuteronNetwork(Deuteron(), activation="relu"), "activation must be one of"),
        (lambda: DeuteronNetwork(Deuteron(), learning_rate=0.1), "learning_rate has no effect with optimizer"),
    ):
        with pytest.raises(InputError) as error:
            make()
        assert message in str(error.value) and "\n" not in str(error.value)
