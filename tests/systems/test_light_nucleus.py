"""Light nuclei: names, refusals, references and terms."""

import csv
from importlib.resources import files

import pytest
import torch

from physgen.core.errors import InputError
from physgen.systems import LightNucleus

with files("physgen.systems").joinpath("light_nuclei.csv").open(encoding="utf-8") as stream:
    ROWS = list(csv.DictReader(stream))

#: one of every kind that has published energies
KNOWN = [
    *({"nuclide": n, "cutoff": c} for n in ("2H", "3H", "4He") for c in (2.0, 4.0, 6.0)),
    *({"nuclide": n, "hamiltonian": "model_o"} for n in ("2H", "3H", "3He", "4He")),
    *({"nuclide": n, "hamiltonian": "model_o", "three_body": False} for n in ("3H", "3He", "4He")),
]


@pytest.fixture(autouse=True)
def double(float64):
    pass


@pytest.mark.parametrize(
    ("arguments", "energy"),
    [
        ({"nuclide": "2H", "cutoff": 2}, -2.224574),
        ({"nuclide": "2H", "cutoff": 6}, -2.225728),
        ({"nuclide": "2H", "hamiltonian": "model_o"}, -2.242270),
        ({"nuclide": "3H"}, -8.482),
        ({"nuclide": "4He", "cutoff": 6}, -25.058),
        ({"nuclide": "3He", "hamiltonian": "model_o"}, -7.811),
        ({"nuclide": "4He", "hamiltonian": "model_o", "three_body": False}, -37.06),
    ],
)
def test_references(arguments, energy):
    known = LightNucleus(**arguments).references()
    assert known[0].quantity == "energy" and known[0].value == pytest.approx(energy, abs=1e-6)
    assert {"rms_radius", "charge_radius"} & {reference.quantity for reference in known}


def test_every_row_of_the_table_has_a_system():
    labels = {LightNucleus(**arguments).label for arguments in KNOWN}
    assert {row["label"] for row in ROWS} <= labels
    for row in ROWS:
        assert row["check"] in ("read", "computed") and row["source"] and float(row["error"]) > 0
        assert row["exact"] == "0" or row["check"] == "computed"


def test_other_hamiltonians_have_no_references_of_these():
    assert not LightNucleus("4He", coulomb=True).references()
    assert not LightNucleus("3He", "model_o", coulomb=False).references()
    assert not LightNucleus("3H", "model_o", r3=1.5).references()


@pytest.mark.parametrize(
    ("arguments", "label"),
    [
        ({}, "light-nucleus-3h-lo-pionless-cutoff4"),
        ({"nuclide": "2H", "hamiltonian": "model_o"}, "light-nucleus-2h-model-o"),
        ({"nuclide": "4He", "hamiltonian": "model_o", "r3": 1.5}, "light-nucleus-4he-model-o-r1.5"),
        ({"nuclide": "3He", "hamiltonian": "model_o", "coulomb": False}, "light-nucleus-3he-model-o-r1-no-coulomb"),
        ({"nuclide": "3H", "three_body": False}, "light-nucleus-3h-lo-pionless-cutoff4-two-body"),
    ],
)
def test_labels(arguments, label):
    assert LightNucleus(**arguments).label == label


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"nuclide": "5He"}, "nuclide must be one of 2H, 3H, 3He, 4He, got '5He'"),
        ({"hamiltonian": "n3lo"}, "hamiltonian must be one of lo_pionless, model_o, got 'n3lo'"),
        ({"cutoff": 5}, "cutoff must be one of 2, 4, 6 in 1/fm, whose constants are known, got 5"),
        ({"hamiltonian": "model_o", "r3": 3}, "r3 must be one of 1, 1.1, 1.5, 2, 2.5 in fm"),
        ({"coulomb": True}, "coulomb must be false or none for 3H: one proton feels none, got True"),
        ({"hamiltonian": "model_o", "cutoff": 6}, "cutoff has no effect with model_o, got 6.0"),
        ({"r3": 1.5}, "r3 has no effect with lo_pionless, got 1.5"),
        ({"nuclide": "2H", "three_body": False}, "three_body has no effect on two nucleons, got False"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(InputError) as error:
        LightNucleus(**arguments)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_labels_and_isospins_give_the_same_energies(generator):
    """Forces without isospin: the labelled basis holds the same physics as the one of good isospin."""
    from physgen.systems.nuclear_forces import LoPionless
    from physgen.systems.spin_isospin import spin_isospin

    squares = 2 * torch.rand(5, 6, generator=generator)
    forces, means = LoPionless(4.0, True), []
    for basis in (spin_isospin(4, 2, 0, 0), spin_isospin(4, 2, 0, None)):
        terms = forces.terms(basis, coulomb=False)
        matrix = torch.stack(
            [
                sum(f.on(squares, torch.eye(basis.components)[c].expand(5, -1)) for fs in terms.values() for f in fs)
                for c in range(basis.components)
            ],
            -1,
        )
        means.append(torch.linalg.eigvalsh(matrix))
    # the label basis is what two identical pairs reach; its spectrum is part of the other
    for value in means[1].T:
        assert ((means[0] - value[:, None]).abs().min(1).values < 1e-9).all()


def test_terms_add_up_and_numbers_come_in_any_shape(generator):
    nucleus = LightNucleus("4He", "model_o")
    x = nucleus.initial(6, generator)
    terms = nucleus.terms(x)
    assert list(terms) == ["two_body", "three_body", "coulomb"]
    torch.testing.assert_close(nucleus.terms(x.view(2, 3, 3, 3))["two_body"].flatten(), terms["two_body"])
    torch.testing.assert_close(nucleus.potential(x), sum(terms.values()))
