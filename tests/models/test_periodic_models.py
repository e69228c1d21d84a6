"""Wavefunctions of matter in a periodic box: training from the start, checkpoints, and refusals of one line."""

import pytest
import torch

from physgen.core.errors import InputError
from physgen.models import Model, NeuralBackflow, SlaterJastrow
from physgen.samplers import MALA
from physgen.systems import ElectronGas, FermiGas, NeutronMatter, QuantumDot

PAIRED = {"gas": FermiGas(2, kf_re=0.4), "neutrons": NeutronMatter(2)}


def small(system, **arguments):
    torch.manual_seed(1)
    sizes = {"width": 6, "pair_width": 4, "determinants": 1, "layers": 1}
    sampler = MALA(walkers=64, warm_up_steps=40, steps=2)
    return NeuralBackflow(system, sampler=sampler, **{**sizes, "steps_per_epoch": 3, **arguments})


@pytest.mark.parametrize("name", PAIRED)
def test_pairs_train_and_come_back(name, trainer, tmp_path):
    model = small(PAIRED[name])
    assert type(model.net.head).__name__ == "PairingHead"
    fit = trainer("32-true")
    fit.fit(model)
    fit.save_checkpoint(tmp_path / "last.ckpt")
    again = Model.load_from_checkpoint(tmp_path / "last.ckpt")
    x = model.system.initial(5, torch.Generator().manual_seed(3))
    for found, expected in zip(again.log_psi(x), model.log_psi(x), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
    result = again.observe(samples=120, batch=60, warm_up=20)
    assert set(result) >= {"energy", "energy_per_particle", "correlation_per_particle", "kinetic", "two_body"}


def test_training_lowers_the_variance_and_stays_below_plane_waves(trainer):
    """The variance of the local energy, 0 at an eigenstate, falls tenfold; the energy of the start is close already."""
    model = small(ElectronGas(2, r_s=2.0), learning_rate=0.1, steps_per_epoch=20).double()
    size = {"samples": 2000, "batch": 200, "thin": 3, "warm_up": 60, "seed": 2}
    model.observe(**size)
    before = model.result.diagnostics["variance"]
    trainer("64-true").fit(model)
    energy = model.observe(**size)["energy"]
    assert model.result.diagnostics["variance"] < before / 3
    assert energy.value < model.system.hartree_fock - 4 * energy.error


def test_a_psi_without_parameters_is_measured_not_trained(trainer):
    gas = ElectronGas(14, r_s=1.0)
    model = SlaterJastrow(gas, jastrow="none")
    found = model.observe(samples=100, batch=50, warm_up=20, seed=4)
    free = found["kinetic"]
    assert free.value == pytest.approx(gas.free_kinetic, rel=1e-12) and free.error < 1e-10
    with pytest.raises(InputError, match="nothing to train"):
        trainer("64-true").fit(model)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NeuralBackflow(QuantumDot(6), pairing=True), "pairing must be false or none in a trap, got True"),
        (lambda: NeuralBackflow(ElectronGas(7, polarised=True), pairing=True), "pairing must be false where not as"),
        (lambda: NeuralBackflow(ElectronGas(14), pairing="yes"), "pairing must be true, false or none, got 'yes'"),
        (lambda: SlaterJastrow(ElectronGas(14), jastrow="spline"), "jastrow must be one of pade, none in a periodic"),
        (lambda: NeuralBackflow(ElectronGas(14), jastrow="pair"), "jastrow must be one of pade, none in a periodic"),
        (lambda: NeuralBackflow(FermiGas(14), jastrow="spline"), "jastrow must be one of pade, none, pair in a peri"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_plane_waves_are_chosen_by_the_system():
    names = [type(SlaterJastrow(s).net.orbitals[0]).__name__ for s in (QuantumDot(6), ElectronGas(14))]
    assert names == ["OscillatorOrbitals", "PlaneWaves"]
