import numpy as np
import pytest

from physgen.nn.oscillator.shells import raised, rotated, shell, turned


def test_shells_hold_all_numbers_once():
    found = shell(4, 3)
    assert len(found) == 15 and len({tuple(row) for row in found.tolist()}) == 15
    assert (found.sum(1) == 4).all() and (found >= 0).all()


def test_raising_and_lowering_count_quanta():
    places, factors = raised(3, 2)
    own, above = shell(3, 2), shell(4, 2)
    for d in range(2):
        assert (above[places[d]] == own + np.eye(2, dtype=int)[d]).all()
        np.testing.assert_allclose(factors[d] ** 2, own[:, d] + 1)


@pytest.mark.parametrize("quanta", [1, 2, 5])
def test_turned_shells_are_the_functions_of_turned_coordinates(quanta):
    """h_n(R^T x) = sum_m U_mn h_m(x), at points."""
    import torch

    from physgen.nn.oscillator.products import ProductTables

    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    matrix = turned(rotation, quanta)[quanta]
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(len(matrix)), atol=1e-12)
    x = torch.randn(7, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    index = torch.as_tensor(shell(quanta, 3))
    turned_functions = ProductTables(x @ torch.as_tensor(rotation), index).values()
    torch.testing.assert_close(turned_functions, ProductTables(x, index).values() @ torch.as_tensor(matrix))


def test_angular_momentum_of_a_shell():
    """In one plane the momenta of a shell of q quanta are q, q - 2, ..., -q."""
    image = rotated(np.eye(6), 5, [(0, 1)])
    np.testing.assert_allclose(image, -image.T)
    assert sorted(np.rint(np.linalg.eigvals(image).imag).astype(int)) == [-5, -3, -1, 1, 3, 5]
