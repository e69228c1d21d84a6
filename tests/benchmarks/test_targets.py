"""What was asked of lattices and of models that learn from data, beside what was found."""

from benchmarks.measurements.lattices_and_data import CASES
from benchmarks.pages.lattices_and_data_targets import ASKED, QUANTITIES, ladder, line, off, targets_table


def test_a_bound_is_kept_by_every_seed_or_not_at_all():
    cells = line("case", [("ESS", [0.9, 0.8], 0.85, True, ".2f"), ("KL", [0.1, 0.2], 0.2, False, ".1f")])
    assert cells == ["case", "ESS >= 0.85; KL <= 0.2", "ESS 0.90, 0.80; KL 0.1, 0.2", "no: ESS"]
    assert line("case", [("KL", [0.3], 0.2, False, ".1f")])[-1] == "no: KL"
    assert line("case", [("KL", [0.2], 0.2, False, ".1f")])[-1] == "yes"
    assert line("case", [("KL", [0.3], None, False, ".1f")])[1:] == ["a figure", "KL 0.3", ""]
    assert line("case", [("KL", [float("nan")], 0.2, False, ".1f")])[-1] == "no: KL"


def test_quantities_of_a_row():
    row = {"free_energy": "-9.9", "exact_free_energy": "-10", "elbo": "-3", "iw_10": "-2.5", "iw_100": "-2.4"}
    assert abs(off(row) - 0.01) < 1e-12
    assert abs(ladder({**row, "entropy": "2.3"}) + 0.1) < 1e-12
    assert ladder({**row, "entropy": "2.5"}) > 0


def test_every_case_and_quantity_that_is_asked_for_is_there():
    assert set(ASKED) == set(CASES)
    assert {name for bounds in ASKED.values() for name in bounds} <= set(QUANTITIES)
    assert targets_table().count("\n") >= 15
