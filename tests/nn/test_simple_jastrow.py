import pytest
import torch

from physgen.nn.determinants.simple_jastrow import SimpleJastrow


@pytest.mark.parametrize(("n", "n_up", "tied"), [(2, 1, True), (5, 2, True), (4, 2, False)])
def test_value_and_derivatives(n, n_up, tied, float64, generator, by_autograd):
    factor = SimpleJastrow(n, n_up, tied)
    with torch.no_grad():
        factor.slope.normal_(generator=generator)
    x = torch.randn(7, n, 3, generator=generator)
    expected = torch.zeros(7)
    for i in range(n):
        for j in range(i + 1, n):
            parallel = int((i < n_up) == (j < n_up))
            pair = parallel if tied else sum(n - 1 - k for k in range(i)) + j - i - 1
            expected += factor.slope[pair] * (x[:, i] - x[:, j]).norm(dim=-1)
    torch.testing.assert_close(factor(x), expected)
    for found, right in zip(factor.derivatives(x), by_autograd(factor, x), strict=True):
        torch.testing.assert_close(found, right)


def test_it_starts_at_one(generator):
    assert not SimpleJastrow(6, 3, False)(torch.randn(4, 6, 2, generator=generator)).any()
