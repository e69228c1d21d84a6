"""A subclass has neither the label of its parent nor, once it changes the physics, what was known of it."""

import itertools
from pathlib import Path

import pytest
import torch

from physgen.monte_carlo.ladders import TemperatureLadder, ladder_of
from physgen.systems import (
    BarsAndStripes,
    ClassicalDot,
    Deuteron,
    DoubleWellCluster,
    ElectronGas,
    FermiGas,
    Ising2D,
    LightNucleus,
    NeutronMatter,
    QuantumDot,
    QuantumDots,
    QuarticWell,
    Reference,
    ScalarPhi4,
    System,
    TautDensity,
    ThermalQuantumDot,
)
from physgen.systems.references import closed_form

ENTRIES = sorted(p.name for p in (Path(__file__).resolve().parents[2] / "checkpoints").iterdir() if p.is_dir())


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    monkeypatch.setattr(System, "registry", dict(System.registry))


def screened():
    class Screened(QuantumDot):
        def __init__(self, n: int = 2, kappa: float = 1.0, **kwargs):
            super().__init__(n, **kwargs)
            self.kappa = kappa

        def terms(self, x):
            terms = super().terms(x)
            return {**terms, "coulomb": 0.3 * terms["coulomb"]}

    return Screened


def weaker():
    class Weaker(QuantumDot):
        def terms(self, x):
            terms = super().terms(x)
            return {**terms, "coulomb": 0.5 * terms["coulomb"]}

    return Weaker


def thermal():
    class ThermalDot(QuantumDot):
        def __init__(self, n: int = 2, beta: float = 1.0, **kwargs):
            super().__init__(n=n, **kwargs)
            self.beta = beta

    return ThermalDot


def mixed_in():
    class Harder:
        def terms(self, x):
            return {"trap": x.square().sum((-1, -2)) ** 2}

    class HardDot(Harder, ClassicalDot):
        pass

    return HardDot


def energy():
    class Doubled(QuarticWell):
        def energy(self, x):
            return 2 * super().energy(x)

    return Doubled


def local_energy():
    class Shifted(QuantumDot):
        def local_energy(self, wavefunction, x):
            found = super().local_energy(wavefunction, x)
            return {**found, "total": found["total"] + 1}

    return Shifted


def bosons():
    class BosonDot(QuantumDot):
        statistics = "bosons"

    return BosonDot


def repulsion():
    # terms are those of the parent, but not what they rest on
    class Doubled(QuantumDot):
        @property
        def omega(self):
            return 2.0

        @omega.setter
        def omega(self, value):
            pass

    return Doubled


CHANGED = [screened, weaker, thermal, mixed_in, energy, local_energy, bosons, repulsion]


@pytest.mark.parametrize("made", CHANGED)
def test_neither_label_nor_known_values_are_inherited_by_another_hamiltonian(made):
    kind = made()
    system = kind()
    parent = next(c for c in kind.__mro__ if c.__module__.startswith("physgen.systems"))()
    assert system.label != parent.label and system != parent
    assert parent.references() and system.references() == []
    x = torch.randn(3, system.n, system.dim, dtype=torch.float64)
    assert system.virial({"kinetic": x.sum((1, 2)), **system.terms(x)}) is None


def test_arguments_are_told_apart_by_the_label():
    kind = screened()
    labels = [kind(n, kappa, omega=w).label for n, kappa, w in itertools.product((2, 6), (1.0, 0.5), (1.0, 0.1))]
    assert len(set(labels)) == 8 and labels[0].startswith("screened-n2-") and "kappa1" in labels[0]
    grandchild = type("Again", (kind,), {})
    assert grandchild().label.startswith("again-") and grandchild().references() == []


def test_what_a_subclass_states_itself_holds():
    class Own(QuantumDot):
        def terms(self, x):
            return {"trap": x.square().sum((-1, -2))}

        def references(self):
            return closed_form({"energy": 7.0}, "by hand")

        @property
        def label(self):
            return f"own-{super().label}"

    assert Own().references()[0].value == 7.0 and Own().label == "own-quantum-dot-2d-n2-omega1"


def test_the_same_hamiltonian_by_another_name_keeps_what_is_known():
    class Six(QuantumDot):
        def __init__(self, omega: float = 1.0):
            super().__init__(6, omega=omega)

        def initial(self, *args, **kwargs):
            return 0.5 * super().initial(*args, **kwargs)

    assert Six(0.5).references() == QuantumDot(6, omega=0.5).references() != []
    assert Six(0.5).label == "six-omega0.5"
    assert Six().virial(dict.fromkeys(("kinetic", "trap", "coulomb"), torch.ones(2))) is not None


def test_an_abstract_family_and_a_mixin_speak_for_their_members():
    class Traps(QuantumDot):
        abstract = True

        def references(self):
            return [Reference("energy", float(self.n), 0.0, "exact", "by hand", True)]

    class Soft(Traps):
        def terms(self, x):
            return {"trap": x.square().sum((-1, -2))}

    class Known:
        def references(self):
            return closed_form({"energy": 9.0}, "by hand")

    class Hard(Known, QuantumDot):
        def terms(self, x):
            return {"trap": x.square().sum((-1, -2))}

    assert Soft(3).references()[0].value == 3.0 and Hard().references()[0].value == 9.0


@pytest.mark.parametrize(
    "values",
    [
        (0.1234567, 0.12345671),
        (1e-7, -1e-7, 1e7),
        (0.1, 0.30000000000000004, 0.3),
        ("a b", "ab", "a-b", "AB", None, "None"),
        ([1, 2], [12], [1.0, 2.0]),
        (True, 1, 1.5),
        ("x" * 50, "x" * 51),
        ({"a": 1}, {"a": 2}),
    ],
)
def test_every_value_has_a_label_of_its_own(values):
    class Valued(QuarticWell):
        def __init__(self, value=None):
            super().__init__()
            self.value = value

    labels = [Valued(v).label for v in values]
    assert len(set(labels)) == len(labels)
    assert all(set(label) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-") and len(label) < 80 for label in labels)


def test_close_arguments_of_the_package_are_told_apart():
    pairs = [(QuantumDot, "omega"), (QuantumDot, "coupling"), (ClassicalDot, "beta"), (QuarticWell, "beta")]
    for kind, name in pairs:
        assert kind(**{name: 0.1234567}).label != kind(**{name: 0.1234568}).label


def test_published_labels_stay():
    made = [
        QuantumDot(n, d, w)
        for n, d in itertools.product((1, 2, 6, 12, 20, 30, 8), (2, 3))
        for w in (0.01, 0.1, 0.28, 0.5, 1)
    ]
    made += [QuantumDot(n) for n in (3, 5, 7)] + [QuantumDot(n, n_up=up) for n, up in ((2, 2), (3, 3), (4, 3))]
    made += [ClassicalDot(n, beta=b) for n, b in ((1, 2), (2, 2), (6, 5), (20, 1.5), (20, 10))]
    made += [QuarticWell(1.0), QuarticWell(10.0)]
    made += [
        BarsAndStripes(3),
        BarsAndStripes(4),
        TautDensity(),
        DoubleWellCluster(4),
        *(ScalarPhi4(size, -4.0, 6.975) for size in (4, 8)),
        *(Ising2D(size, 0.44) for size in (4, 8, 16)),
        Deuteron(),
    ]
    made += [LightNucleus(n, cutoff=c) for n in ("2H", "3H", "4He") for c in (2, 4, 6)]
    made += [LightNucleus(n, "model_o") for n in ("2H", "3H", "3He", "4He")]
    made += [LightNucleus(n, "model_o", three_body=False) for n in ("3H", "4He")]
    made += [QuantumDots(n, omega=(0.1, 1.0)) for n in (2, 6)]
    thermal = [ThermalQuantumDot(2, 1.0, b, species=s) for b in (2, 5) for s in ("electrons", "polarised", "bosons")]
    made += [*thermal, ThermalQuantumDot(2, 0.1, 20.0), ThermalQuantumDot(3, 1.0, 5.0, species="polarised")]
    made += [ElectronGas(14, r_s) for r_s in (0.5, 1, 2, 5, 10, 20, 50, 100)]
    made += [ElectronGas(38, 1.0), *(ElectronGas(n, 5.0, polarised=True) for n in (7, 19))]
    made += [NeutronMatter(14, density) for density in (0.01, 0.04, 0.08)]
    made += [FermiGas(14, 0.4), *(FermiGas(14, 0.2, inverse) for inverse in (-0.5, 0.0, 0.5))]
    assert set(ENTRIES) <= {system.label for system in made}
    assert QuantumDot(2, coupling=0.5, n_up=2).label == "quantum-dot-2d-n2-omega1-coupling0.5-up2"


def test_chains_take_the_energy_that_a_subclass_states():
    class Soft(ClassicalDot):
        def terms(self, x):
            terms = super().terms(x)
            return {**terms, "coulomb": 0.5 * terms["coulomb"]}

    assert isinstance(ladder_of(Soft(3)), TemperatureLadder)
