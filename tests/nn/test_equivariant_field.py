"""Fields that turn and permute with the particles."""

import pytest
import torch

from physgen.nn.flows.equivariant_field import EquivariantField


def moved(n, dim, centred):
    torch.manual_seed(1)
    field = EquivariantField(n, dim, 8, 2, centred).double()
    with torch.no_grad():
        for parameter in field.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return field


@pytest.mark.parametrize(("n", "dim", "centred"), [(5, 2, True), (4, 3, False), (1, 2, False)])
def test_the_field_turns_and_permutes_with_the_particles(n, dim, centred, generator):
    field = moved(n, dim, centred)
    x = torch.randn(6, n, dim, generator=generator, dtype=torch.float64)
    time = torch.rand(6, generator=generator, dtype=torch.float64)
    velocity = field(x, time)
    turn = torch.linalg.qr(torch.randn(dim, dim, generator=generator, dtype=torch.float64))[0]
    order = torch.randperm(n, generator=generator)
    torch.testing.assert_close(field(x @ turn, time), velocity @ turn)
    torch.testing.assert_close(field(x[:, order], time), velocity[:, order])
    assert velocity.abs().max() > 0.01 and not torch.allclose(field(x, time + 1), velocity)
    if centred:
        assert velocity.mean(1).abs().max() < 1e-12


def test_a_new_field_is_still():
    field = EquivariantField(3, 2, 8, 2, centred=True)
    assert not field(torch.randn(4, 3, 2), torch.rand(4)).any()
