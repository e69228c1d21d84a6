"""A cusp is made of what the system declares, and where that differs from its terms a line says so."""

import logging

import pytest

from physgen.models import GaussianBinaryRBM, NeuralBackflow, RBMSlater, SlaterJastrow, particles
from physgen.systems import QuantumDot, QuantumSystem, System, pair_distances
from physgen.systems.singularity import centre_strength, pair_strength


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    monkeypatch.setattr(System, "registry", dict(System.registry))
    monkeypatch.setattr(particles, "SAID", set())


def own(power=-1, strength=1.0, declared=None, nucleus=0.0, dimension=2, number=2):
    """A trap of two particles with `strength` times the distance to a power, and a nucleus."""

    class Own(QuantumSystem):
        n, dim, n_up = number, dimension, (number + 1) // 2
        if declared is not None:
            coulomb_coupling = declared

        def __init__(self, coupling: float = 1.0) -> None:
            self.coupling = coupling

        def terms(self, x):
            pair = strength * pair_distances(x).pow(power).sum(-1)
            attraction = -nucleus * x.square().sum(-1).rsqrt().sum(-1)
            return {"trap": 0.5 * x.square().sum((-1, -2)), "pair": pair, "nucleus": attraction}

    return Own()


def cusp(model):
    return model.net.jastrow.cusp.abs().max().item()


def notes(model):
    return [note for note in model.notes if "cusp" in note]


def test_a_declared_repulsion_has_its_cusp():
    model = GaussianBinaryRBM(own(declared=1.0), jastrow=True)
    assert cusp(model) == pytest.approx(1.0) and notes(model) == []


def test_undeclared_repulsion_is_noticed(caplog):
    with caplog.at_level(logging.WARNING, "physgen"):
        model = GaussianBinaryRBM(own(), jastrow=True)
        GaussianBinaryRBM(own(), jastrow=True)
    assert cusp(model) == 0
    (note,) = notes(model)
    assert "diverge as 1/r" in note and "declares none" in note and "coulomb_coupling" in note
    assert caplog.messages == [note]  # said once, in one line


def test_a_spring_called_coupling_has_no_cusp():
    model = GaussianBinaryRBM(own(power=2), jastrow=True)
    (note,) = notes(model)
    assert cusp(model) == 0 and "declares no Coulomb repulsion" in note and "has no cusp" in note
    assert notes(GaussianBinaryRBM(own(power=2), jastrow=False)) == []


def test_a_declared_zero_says_nothing():
    model = SlaterJastrow(own(power=2, declared=0.0))
    assert notes(model) == []


@pytest.mark.parametrize("kind", [SlaterJastrow, NeuralBackflow, RBMSlater])
def test_another_strength_than_declared_is_noticed(kind):
    class Screened(QuantumDot):
        def terms(self, x):
            terms = super().terms(x)
            return {**terms, "coulomb": 0.3 * terms["coulomb"]}

    (note,) = notes(kind(Screened(2)))
    assert "diverge as 0.3/r" in note and "declares 1" in note


def test_nuclear_cusps_are_said_to_be_absent():
    (note,) = notes(GaussianBinaryRBM(own(declared=1.0, nucleus=2.0, dimension=3), jastrow=True))
    assert "-2/r at the origin" in note and "no nuclear cusp" in note


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("coupling", [0.0, 1e-4, 1.0, 30.0])
@pytest.mark.parametrize("omega", [0.01, 1.0, 50.0])
def test_dots_are_as_they_declare(dim, coupling, omega):
    system = QuantumDot(2, dim, omega, coupling)
    assert pair_strength(system) == pytest.approx(coupling, rel=1e-3, abs=1e-9) and centre_strength(system) == 0.0


@pytest.mark.parametrize(("power", "found"), [(-1, 0.7), (2, 0.0), (1, 0.0), (-0.5, None), (-2, None), (-12, None)])
def test_kinds_of_divergence(power, found):
    assert pair_strength(own(power=power, strength=0.7)) == (None if found is None else pytest.approx(found, abs=1e-6))


def test_a_system_that_refuses_to_be_asked_is_left_alone():
    class Picky(QuantumSystem):
        n, dim, n_up = 2, 2, 1

        def __init__(self) -> None:
            pass

        def terms(self, x):
            if len(x) != 64:
                raise ValueError("64 at once")
            return {"trap": x.square().sum((-1, -2))}

    assert pair_strength(Picky()) is None
    assert "declares no Coulomb" in notes(GaussianBinaryRBM(Picky(), jastrow=True))[0]


def test_a_slater_determinant_without_a_pair_factor():
    (note,) = notes(RBMSlater(own(), jastrow="none"))
    assert "psi has no cusp" in note
