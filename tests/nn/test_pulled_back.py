import pytest
import torch

from physgen.nn.flows.pair_gradient_flow import PairGradientFlow
from physgen.nn.flows.pulled_back import preimage, pulled_back_kinetic
from physgen.nn.oscillator.products import ProductTables
from physgen.nn.oscillator.symmetric_states import symmetric_states


def states(n):
    """A flow away from its start, and a state Phi |J|^(-1/2) as a function of the point before the flow."""
    generator = torch.Generator().manual_seed(n)
    flow = PairGradientFlow(n, 5, 3).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.04 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    index = torch.as_tensor(symmetric_states(n, -1, 3).even)
    numbers = torch.randn(len(index), generator=generator, dtype=torch.float64)
    x = torch.randn(4, 2 * (n - 1), generator=generator, dtype=torch.float64)
    return flow, index, numbers, x


@pytest.mark.parametrize("n", [2, 3])
def test_kinetic_energy_against_autograd_by_the_chain_rule(n):
    flow, index, numbers, x = states(n)

    def psi(point):
        value = ProductTables(point[None], index).values()[0] @ numbers
        return value * torch.exp(-0.5 * torch.linalg.slogdet(flow(point[None])[1])[1][0])

    def gradient(point):
        return torch.linalg.inv(flow(point[None])[1][0]) @ torch.func.grad(psi)(point)

    def laplacian(point):
        return torch.trace(torch.linalg.inv(flow(point[None])[1][0]) @ torch.func.jacrev(gradient)(point).mT)

    expected = -0.5 * torch.func.vmap(laplacian)(x)
    _, jacobian, operator = pulled_back_kinetic(flow, x)
    volume = torch.exp(-0.5 * torch.linalg.slogdet(jacobian)[1])
    torch.testing.assert_close(ProductTables(x, index).image(operator) @ numbers * volume, expected)


@pytest.mark.parametrize("n", [2, 3])
def test_tangents_are_the_change_of_a_state_at_a_fixed_place(n):
    flow, index, numbers, x = states(n)
    place, step = flow(x)[0].detach(), 1e-5

    def psi():
        point = preimage(flow, place).detach()
        volume = torch.exp(-0.5 * torch.linalg.slogdet(flow(point)[1])[1])
        return (ProductTables(point, index).values() @ numbers * volume).detach()

    u, divergence = flow.tangents(x)
    tables, volume = ProductTables(x, index), torch.exp(-0.5 * torch.linalg.slogdet(flow(x)[1])[1]).detach()
    slope, value = tables.gradients() @ numbers, tables.values() @ numbers
    k = 0
    for parameter in flow.parameters():
        for i in range(parameter.numel()):
            with torch.no_grad():
                parameter[i] += step
                ahead = psi()
                parameter[i] -= 2 * step
                behind = psi()
                parameter[i] += step
            found = -volume * ((u[:, k] * slope).sum(1) + 0.5 * divergence[:, k] * value)
            torch.testing.assert_close((ahead - behind) / (2 * step), found, rtol=1e-5, atol=1e-8)
            k += 1
