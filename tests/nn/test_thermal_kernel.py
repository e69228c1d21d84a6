import math

import pytest
import torch

from physgen.nn.oscillator.products import ProductTables
from physgen.nn.oscillator.symmetric_states import symmetric_states
from physgen.nn.oscillator.thermal_kernel import ThermalKernel

CASES = [(2, 1, 20), (2, -1, 20), (3, 1, 11), (3, -1, 10)]


@pytest.mark.parametrize(("n", "sign", "above"), CASES)
def test_the_closed_form_is_the_sum_over_states(n, sign, above):
    t, states = 2.0, symmetric_states(n, sign, above)
    x = torch.randn(4, 2 * (n - 1), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    value, gradient = torch.zeros(4, dtype=torch.float64), torch.zeros_like(x)
    for block in states.blocks:
        weight = torch.exp(-t * torch.as_tensor(block.quanta + n - 1.0))
        for name in ("even", "odd"):
            held = getattr(block, name)
            if held is not None:
                tables = ProductTables(x, torch.as_tensor(getattr(states, name)))
                own = tables.values() @ torch.as_tensor(held)
                value += own.square() @ weight
                gradient += torch.einsum("bdk,bk->bd", tables.gradients() @ torch.as_tensor(held), own * weight)
    kernel = ThermalKernel(n, sign, t)
    found = kernel.derivatives(x)
    torch.testing.assert_close(found[0], value, rtol=1e-6, atol=1e-12)
    torch.testing.assert_close(found[1], gradient, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(kernel.density(x), found[0])


@pytest.mark.parametrize(("n", "sign"), [(2, 1), (3, -1)])
def test_second_derivatives_by_differences(n, sign):
    """d/dx of K(x, x) is twice the gradient by one argument; of a kernel whose arguments differ by an exchange too."""
    kernel, step = ThermalKernel(n, sign, 0.7), 1e-5
    x = torch.randn(3, 2 * (n - 1), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    _, gradient, hessian = kernel.derivatives(x)
    for d in range(x.shape[1]):
        along = torch.zeros_like(x)
        along[:, d] = step
        slope = (kernel.density(x + along) - kernel.density(x - along)) / (2 * step)
        torch.testing.assert_close(slope, 2 * gradient[:, d], rtol=1e-6, atol=1e-10)
    # the heat equation of the oscillator: -dK/dt = H K
    ahead, behind = (ThermalKernel(n, sign, 0.7 + h).density(x) for h in (step, -step))
    image = 0.5 * (x.square().sum(1) * kernel.density(x) - hessian.diagonal(dim1=1, dim2=2).sum(1))
    torch.testing.assert_close(-(ahead - behind) / (2 * step), image, rtol=1e-6, atol=1e-10)


def test_it_vanishes_where_fermions_meet():
    x = torch.tensor([[1e-9, 0.0]], dtype=torch.float64)
    assert float(ThermalKernel(2, -1, 1.0).density(x)) < 1e-15
    boson = ThermalKernel(2, 1, 1.0)
    assert float(boson.density(x)) == pytest.approx(1 / (2 * math.pi * math.sinh(1.0)))
