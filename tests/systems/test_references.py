import csv
from dataclasses import replace
from importlib.resources import files

import pytest

from physgen.runs.result import Estimate, Result, reference_for
from physgen.systems import ClassicalDot, QuantumDot, QuarticWell, Reference, published
from physgen.systems.references import HEADLINES

with files("physgen.systems").joinpath("references.csv").open(encoding="utf-8") as stream:
    ROWS = list(csv.DictReader(stream))


def test_rows_are_well_formed():
    assert len(ROWS) > 1000
    for row in ROWS:
        assert row["system"] in ("quantum-dot", "classical-dot") and int(row["n"]) > 0 and row["dim"] in "23"
        assert float(row["value"]) > 0 and float(row["error"]) >= 0
        assert row["source"] and row["method"] and row["exact"] in "01"
        assert row["check"] in ("read", "computed") and "/work" not in row["source"]
    keys = [
        tuple(row[k] for k in ("system", "n", "dim", "omega", "beta", "quantity", "method", "source")) for row in ROWS
    ]
    assert len(set(keys)) == len(keys)


def test_only_values_computed_without_bias_are_exact():
    assert all(row["check"] == "computed" for row in ROWS if row["exact"] == "1")
    assert not any(row["exact"] == "1" for row in ROWS if row["system"] == "quantum-dot")


@pytest.mark.parametrize(
    ("n", "dim", "omega", "value", "error"),
    [(6, 2, 0.1, 3.55385, 5e-5), (12, 2, 0.28, 25.63577, 9e-5), (20, 2, 0.5, 93.8752, 1e-4), (8, 3, 1.0, 32.668, 1e-4)],
)
def test_diffusion_monte_carlo_comes_first(n, dim, omega, value, error):
    best = published("quantum-dot", n, dim, omega=omega)[0]
    assert (best.quantity, best.value, best.error, best.method, best.exact) == ("energy", value, error, "DMC", False)


def test_every_kind_of_method_is_there():
    methods = {r.method for r in published("quantum-dot", 6, 2, omega=1)}
    assert {"DMC", "FCI", "CCSD", "IM-SRG", "Hartree-Fock", "VMC (RBM)", "VMC (PINN+CTNN)"} <= methods
    notes = {r.method: r.note for r in published("quantum-dot", 6, 2, omega=1)}
    assert "not variational" in notes["IM-SRG"]


def test_low_frequencies_have_neural_values_first():
    assert published("quantum-dot", 6, 2, omega=0.01)[0].value == 0.69036


@pytest.mark.parametrize("omega", [1 / 6, 0.166667, 0.1666666])
def test_parameters_match_within_print(omega):
    assert len(published("quantum-dot", 2, 2, omega=omega)) >= 5


def test_other_parameters_find_nothing():
    assert published("quantum-dot", 2, 2, omega=0.1667) == published("quantum-dot", 2, 2) == []
    assert published("quantum-dot", 2, 2, beta=1.0) == published("nucleus", 2, 3) == []


def test_no_term_is_compared_with_a_worse_method_than_the_energy():
    dots = sorted({(int(r["n"]), int(r["dim"]), float(r["omega"])) for r in ROWS if r["omega"]})
    charges = sorted({(int(r["n"]), int(r["dim"]), float(r["beta"])) for r in ROWS if r["beta"]})
    systems = [QuantumDot(*dot) for dot in dots] + [ClassicalDot(*charge) for charge in charges]
    assert len(systems) > 50
    for system in systems:
        known = system.references()
        best = next(r for r in known if r.quantity in HEADLINES)
        for quantity in {r.quantity for r in known} - set(HEADLINES):
            found = reference_for(known, quantity)
            assert found is None or found.exact or (found.method == best.method and not found.note), (system, found)
    # a term of an RBM was shown beside one of a network
    assert reference_for(QuantumDot(6).references(), "kinetic") is None
    assert reference_for(QuantumDot(2).references(), "kinetic").label == "exact"


def test_exact_is_said_only_of_values_without_error():
    systems = [QuantumDot(n, omega=w) for n in (1, 2, 6) for w in (0.1, 1.0)]
    systems += [ClassicalDot(n, beta=b) for n, b in ((1, 2), (2, 2), (3, 2), (6, 10), (20, 1.5), (20, 10))]
    for system in [*systems, QuarticWell()]:
        for known in system.references():
            assert (known.label == "exact") == (known.exact and known.error == 0)
            assert known.label != "exact" or not any(word in known.method for word in ("VMC", "DMC", "Metropolis"))
    free = reference_for(ClassicalDot(20, beta=10.0).references(), "free_energy")
    assert (free.label, free.exact) == ("Monte Carlo", True)  # true within its error, which the alarm knows
    assert free.error < 3e-4 and abs(free.value - 157.56323) < 3 * (free.error**2 + 0.00031**2) ** 0.5
    result = Result("free_energy", {"free_energy": Estimate(157.56, 0.0003)}, reference=free)
    assert "below the Monte Carlo 157.563" in result.alarm()


@pytest.mark.parametrize(("n", "beta"), [(20, 10.0), (20, 1.5), (6, 10.0), (3, 2.0)])
def test_free_energies_of_charges_are_known_to_four_digits(n, beta):
    known = ClassicalDot(n, beta=beta).references()
    assert reference_for(known, "free_energy").error <= 4e-4 and "Bennett" in reference_for(known, "free_energy").source


def test_terms_of_the_same_method_without_a_caveat_stand():
    best = Reference("energy", 1.0, 0.1, "DMC", "a")
    same, worse = Reference("kinetic", 0.5, 0.1, "DMC", "b"), Reference("kinetic", 0.4, 0.1, "VMC (RBM)", "c")
    assert reference_for([best, worse, same], "kinetic") == same
    assert reference_for([best, worse], "kinetic") is None and reference_for([worse], "kinetic") == worse
    assert reference_for([best, replace(same, note="breaks the virial theorem")], "kinetic") is None
    assert reference_for([best, replace(worse, exact=True)], "kinetic").value == 0.4
