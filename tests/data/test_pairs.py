import pytest
import torch

from physgen.core.errors import InputError
from physgen.data import Pairs


def test_a_table_gives_its_columns(tmp_path):
    file = tmp_path / "energies.csv"
    file.write_text("omega,energy,error\n0.1,0.44,1e-3\n0.5,1.66,2e-3\n1,3,0\n")
    pairs = Pairs.from_csv(file, ["omega"], ["energy"])
    ((x, y),) = pairs.train_dataloader()
    assert x.dtype == torch.float64 and x[:, 0].tolist() == [0.1, 0.5, 1] and y[:, 0].tolist() == [0.44, 1.66, 3]
    ((again, _),) = pairs.val_dataloader()
    assert torch.equal(again, x)


def test_parts_are_disjoint_and_whole():
    pairs = Pairs(range(10), range(10), validation=0.3, seed=4)
    (train,), (held,) = pairs.train_dataloader(), pairs.val_dataloader()
    assert len(held[0]) == 3 and sorted(torch.cat([train[0], held[0]])[:, 0].tolist()) == list(range(10))
    assert torch.equal(train[0], train[1])
    assert not torch.equal(Pairs(range(10), range(10), 0.3, 5).held, pairs.held)


@pytest.mark.parametrize(
    ("x", "y", "validation", "words"),
    [
        ([1, 2], [1, 2, 3], 0, "y must be as long as x, 2 rows, got '3 rows'"),
        ([[[1]]], [1], 0, "x must be of the shape"),
        ([1, float("nan")], [1, 2], 0, "x must be finite numbers"),
        (["a", "b"], [1, 2], 0, "x must be numbers"),
        ([], [], 0, "x must be of the shape"),
        ([1, 2], [1, 2], 0.5, "at least two"),
        ([1, 2, 3, 4], [1, 2, 3, 4], 1.0, "validation must be a number from 0 to 0.9"),
    ],
)
def test_bad_pairs_are_named(x, y, validation, words):
    with pytest.raises(InputError, match=words):
        Pairs(x, y, validation)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "data must be a table of text"),
        ("omega,energy\n", "at least one row"),
        ("omega,e\n1,2\n3,4\n", "data must be a column of .*omega, e, got 'energy'"),
        ("omega,energy\n1,2\n3,x\n", "data must hold numbers"),
        ("omega,energy\n1\n3,4\n", "data must hold numbers"),
        ("\x00\n", "data must be"),
    ],
)
def test_bad_tables_are_refused_in_one_line(text, words, tmp_path):
    file = tmp_path / "pairs.csv"
    if text is not None:
        file.write_text(text)
    with pytest.raises(InputError, match=words) as refusal:
        Pairs.from_csv(file, ["omega"], ["energy"])
    assert "\n" not in str(refusal.value)
