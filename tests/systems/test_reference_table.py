import csv
from importlib.resources import files

import pytest

from physgen.systems import published

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
