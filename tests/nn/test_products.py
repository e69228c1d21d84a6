import torch

from physgen.nn.oscillator.products import Coefficients, ProductTables, oscillator_functions


def test_functions_are_orthonormal_and_solve_their_equation():
    import numpy as np

    nodes, weights = np.polynomial.hermite.hermgauss(40)
    x = torch.as_tensor(nodes)
    value, first, second = oscillator_functions(x, 12)
    measure = torch.as_tensor(weights * np.exp(nodes**2))
    torch.testing.assert_close((value * measure[:, None]).mT @ value, torch.eye(13, dtype=torch.float64))
    energy = 0.5 * (first * measure[:, None]).mT @ first + 0.5 * (value * (measure * x**2)[:, None]).mT @ value
    torch.testing.assert_close(energy, torch.diag(torch.arange(13, dtype=torch.float64) + 0.5), atol=1e-10, rtol=0)
    step = 1e-4
    ahead, behind = (oscillator_functions(x[10:30] + h, 12)[0] for h in (step, -step))
    torch.testing.assert_close((ahead - behind) / (2 * step), first[10:30], atol=1e-6, rtol=1e-6)
    torch.testing.assert_close((ahead + behind - 2 * value[10:30]) / step**2, second[10:30], atol=1e-5, rtol=1e-5)


def test_derivatives_of_products_against_autograd():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    index = torch.tensor([[0, 1, 2, 0], [3, 0, 0, 1], [1, 1, 1, 1]])

    def functions(point):
        return ProductTables(point[None], index).values()[0]

    tables = ProductTables(x, index)
    gradient = torch.func.vmap(torch.func.jacrev(functions))(x)
    hessian = torch.func.vmap(torch.func.hessian(functions))(x)
    torch.testing.assert_close(tables.gradients(), gradient.mT)
    second = torch.randn(3, 4, 4, generator=generator, dtype=torch.float64)
    second = second + second.mT
    first, value = torch.randn(3, 4, generator=generator, dtype=torch.float64), torch.tensor([1.0, 2.0, 3.0]).double()
    operator = Coefficients(second, first, value)
    expected = operator.of(tables.values(), gradient.mT, hessian.permute(0, 2, 3, 1))
    torch.testing.assert_close(tables.image(operator), expected)
