"""The gradient of <H> of a state with several components, on a space so small that every sum is exact."""

import pytest
import torch
from torch import nn

from physgen.nn.sample_gradients import SampleGradients
from physgen.objectives.component_energy import component_rows, component_values

#: how often every point occurs in a sample that is the density exactly
COUNTS = (1, 2, 3, 5)


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(11)


class Table(nn.Module):
    """Psi of four points and three components: any vector at every point, |Psi|^2 in ratio of COUNTS at the start."""

    def __init__(self):
        super().__init__()
        start = torch.randn(4, 3)
        self.values = nn.Parameter(start / start.norm(dim=1, keepdim=True))
        self.scale = nn.Parameter(torch.tensor(COUNTS).to(start).log() / 2)
        self.register_buffer("fixed", torch.ones(1))

    def forward(self, x):
        here = x[:, 0, 0].long()
        vector = self.values[here]
        norm = vector.norm(dim=-1)
        return vector / norm.unsqueeze(-1), norm.log() + self.scale[here] + 0 * self.fixed


def state(net):
    direction, log = net(torch.arange(4.0)[:, None, None])
    return direction * log.exp().unsqueeze(-1)


def hamiltonian():
    h = torch.randn(12, 12)
    return h + h.T


def measured(net, h):
    """Jacobian, direction and image at a sample in which every point occurs as often as the density asks for."""
    x = torch.repeat_interleave(torch.arange(4.0), torch.tensor(COUNTS))[:, None, None]
    psi = state(net).detach()
    image = (h @ psi.flatten()).view(4, 3) / psi.norm(dim=1, keepdim=True)
    return SampleGradients(net, component_values)(x), net(x)[0].detach(), image[x[:, 0, 0].long()]


def test_gradient_is_that_of_the_rayleigh_quotient():
    net, h = Table(), hamiltonian()
    rows, residuals, share = component_rows(*measured(net, h), clip=None)
    psi = state(net).flatten()
    ((psi @ h @ psi) / (psi @ psi)).backward()
    exact = torch.cat([p.grad.flatten() for p in net.parameters()])
    torch.testing.assert_close(2 * residuals @ rows, exact, rtol=1e-12, atol=1e-12)
    assert share == 0
    # the formula of a scalar psi is another vector
    jacobian, direction, image = measured(net, h)
    energy = (direction * image).sum(-1)
    log_slopes = torch.einsum("bc,bcp->bp", direction, jacobian)
    scalar = 2 * ((energy - energy.mean()) @ log_slopes) / len(energy)
    assert (scalar - exact).norm() > 0.1 * exact.norm()


def test_rows_are_the_metric():
    """O^T O is half the curvature of |<Psi|Psi'>|^2, the quantum geometric tensor."""
    net, h = Table(), hamiltonian()
    rows, _, _ = component_rows(*measured(net, h), clip=None)
    start = state(net).detach().flatten()
    start = start / start.norm()

    def infidelity(values, scale):
        vector = torch.func.functional_call(
            net, {"values": values, "scale": scale}, (torch.arange(4.0)[:, None, None],)
        )
        psi = (vector[0] * vector[1].exp().unsqueeze(-1)).flatten()
        return 1 - (psi @ start) ** 2 / (psi @ psi)

    blocks = torch.autograd.functional.hessian(infidelity, (net.values.detach(), net.scale.detach()))
    sizes = (12, 4)
    exact = torch.cat(
        [torch.cat([b.reshape(m, n) for b, n in zip(line, sizes, strict=True)], 1)
         for line, m in zip(blocks, sizes, strict=True)]
    )  # fmt: skip
    torch.testing.assert_close(2 * rows.T @ rows, exact, rtol=1e-10, atol=1e-10)


def test_clipping_limits_both_parts():
    net, h = Table(), hamiltonian()
    jacobian, direction, image = measured(net, h)
    turned = torch.linalg.cross(direction[:1], torch.randn(1, 3))
    image[:1] += 1e6 * (direction[:1] + turned)
    rows, residuals, share = component_rows(jacobian, direction, image, clip=2.0)
    assert 0 < share <= 2 / 11
    residuals = residuals.view(11, 3) * 11**0.5
    across = residuals - (residuals * direction).sum(-1, keepdim=True) * direction
    assert across.norm(dim=-1).max() < 2.5 * 1e6 / 11 * turned.norm()
    assert rows.shape == (33, 16) and rows.isfinite().all()
    one = component_rows(jacobian[:, :1], torch.ones(11, 1), image[:, :1], clip=5.0)  # nothing across: no division by 0
    assert all(part.isfinite().all() for part in one[:2])
