import pytest
import torch

from physgen.models import FieldCouplingFlow, TransformerCouplingFlow
from physgen.models.flow import FlowModel
from physgen.systems import ClassicalDot, ScalarPhi4

MADE = {
    "field": lambda: FieldCouplingFlow(ScalarPhi4(2), layers=2, channels=3, reach=1),
    "particles": lambda: TransformerCouplingFlow(ClassicalDot(3, beta=2.0), sweeps=1, heads=2, hidden=4, bins=6),
}


@pytest.fixture(params=MADE)
def flow(request):
    """A flow away from its start."""
    torch.manual_seed(1)
    model = MADE[request.param]().double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def test_scores_are_those_of_the_jacobian(flow):
    z = flow.latent(6, torch.Generator().manual_seed(2))
    for own, solved in zip(flow.draw_with_score(z), FlowModel.draw_with_score(flow, z), strict=True):
        torch.testing.assert_close(own, solved, rtol=1e-7, atol=1e-8)


def test_gradients_at_fixed_draws_are_those_of_a_newton_step(flow):
    found = []
    for draw in (flow.draw_fixed, lambda *a: FlowModel.draw_fixed(flow, *a)):
        flow.zero_grad()
        x, log_prob = draw(5, torch.Generator().manual_seed(3))
        assert not x.requires_grad
        log_prob.square().sum().backward()
        found.append([x, log_prob.detach(), *(p.grad.clone() for p in flow.parameters() if p.grad is not None)])
    for own, solved in zip(*found, strict=True):
        torch.testing.assert_close(own, solved, rtol=1e-6, atol=1e-7)
