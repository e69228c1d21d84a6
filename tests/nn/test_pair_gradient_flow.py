import pytest
import torch

from physgen.nn.flows.pair_gradient_flow import PairGradientFlow
from physgen.nn.flows.pulled_back import preimage
from physgen.nn.oscillator.jacobi_vectors import permutation_matrices


@pytest.fixture(params=[2, 3, 4])
def case(request):
    n, generator = request.param, torch.Generator().manual_seed(request.param)
    flow = PairGradientFlow(n, 5, 3).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.04 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return n, flow, torch.randn(6, 2 * (n - 1), generator=generator, dtype=torch.float64)


def test_it_starts_as_the_identity(case):
    n, _, x = case
    image, jacobian = PairGradientFlow(n, 4, 3)(x)
    assert torch.equal(image, x) and torch.equal(jacobian, torch.eye(x.shape[1]).to(x).expand_as(jacobian))


def test_jacobian_and_slope_against_autograd(case):
    _, flow, x = case
    image, jacobian, inverse, slope = flow.with_slope(x)
    expected = torch.func.vmap(torch.func.jacrev(lambda p: flow(p[None])[0][0]))(x)
    torch.testing.assert_close(jacobian, expected)
    torch.testing.assert_close(inverse @ jacobian, torch.eye(x.shape[1]).to(x).expand_as(jacobian))
    torch.testing.assert_close(image, flow(x)[0])
    log_det = torch.func.vmap(torch.func.grad(lambda p: torch.linalg.slogdet(flow(p[None])[1])[1][0]))(x)
    torch.testing.assert_close(slope, log_det)


def test_symmetries(case):
    n, flow, x = case
    turn = torch.linalg.qr(torch.randn(2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64))[0]
    matrices, _ = permutation_matrices(n)
    for left, right in [(torch.as_tensor(matrices[-1]), torch.eye(2).double()), (torch.eye(n - 1).double(), turn)]:
        moved = (left @ x.view(-1, n - 1, 2) @ right).flatten(1)
        expected = (left @ flow(x)[0].view(-1, n - 1, 2) @ right).flatten(1)
        torch.testing.assert_close(flow(moved)[0], expected)


def test_the_way_back(case):
    _, flow, x = case
    torch.testing.assert_close(preimage(flow, flow(x)[0].detach()), x, rtol=1e-10, atol=1e-10)


def test_it_is_linear_in_the_distance_where_two_meet():
    flow = PairGradientFlow(2, 3, 0).double()
    with torch.no_grad():
        flow.pair += torch.tensor([0.1, -0.2, 0.05])
    r = torch.tensor([[1e-3, 0.0], [2e-3, 0.0], [3e-3, 0.0]], dtype=torch.float64)
    stretch = flow(r)[0][:, 0].detach() / r[:, 0]
    first, second = (stretch[1] - stretch[0]) / 1e-3, (stretch[2] - stretch[1]) / 1e-3
    assert abs(float(first)) > 0.1 and float(second / first) == pytest.approx(1, rel=0.01)
