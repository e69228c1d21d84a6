import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.nn.tied.tied_activations import ElementwiseActivation, RadialActivation
from physgen.nn.tied.tied_linear import PermutationRotationTiedLinear, PermutationTiedLinear, RotationTiedLinear

LAYERS = {
    "permutation": lambda n, d: PermutationTiedLinear(n, d, noise=0.5),
    "rotation": lambda n, d: RotationTiedLinear(n, d, noise=0.5),
    "both": lambda n, d: PermutationRotationTiedLinear(n, d, noise=0.5),
    "both-reflections": lambda n, d: PermutationRotationTiedLinear(n, d, noise=0.5, reflections=True),
}
CASES = [
    (name, n, d)
    for name in LAYERS
    for n, d in ((1, 2), (2, 2), (5, 2), (20, 2), (3, 4), (4, 1), (4, 3))
    if d % 2 == 0 or name == "permutation"
]


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(5)


def layer_of(name, n, d):
    layer = LAYERS[name](n, d)
    if hasattr(layer, "offset") and layer.offset is not None and name == "permutation":
        torch.nn.init.normal_(layer.offset)
    return layer


@pytest.mark.parametrize(("name", "n", "d"), CASES)
def test_equal_to_the_dense_matrix(name, n, d):
    """Value, inverse, ln |det| and all their gradients are those of the full matrix."""
    layer = layer_of(name, n, d)
    x = torch.randn(7, n, d)
    matrix, offset = layer.dense()
    y, log_det = layer(x)
    close = {"rtol": 1e-10, "atol": 1e-10}
    torch.testing.assert_close(y.flatten(1), x.flatten(1) @ matrix.mT + offset, **close)
    torch.testing.assert_close(log_det, torch.linalg.slogdet(matrix)[1], **close)
    back, same = layer.inverse(y)
    torch.testing.assert_close(back, x, **close)
    torch.testing.assert_close(same, log_det, **close)
    dense_back = torch.linalg.solve(matrix, (y.flatten(1) - offset).mT).mT
    torch.testing.assert_close(layer.inverse(y)[0].flatten(1), dense_back, **close)
    parameters = list(layer.parameters())
    weight = torch.randn_like(y)
    ours = torch.autograd.grad((weight * y).sum() + log_det, parameters, retain_graph=True)
    full = ((x.flatten(1) @ matrix.mT + offset) * weight.flatten(1)).sum() + torch.linalg.slogdet(matrix)[1]
    for own, other in zip(ours, torch.autograd.grad(full, parameters), strict=True):
        torch.testing.assert_close(own, other, **close)


@pytest.mark.parametrize(("name", "n", "d"), CASES)
def test_commutes_with_its_group(name, n, d):
    layer = layer_of(name, n, d)
    x = torch.randn(4, n, d)
    y = layer(x)[0]
    order = torch.arange(n).roll(1)
    permuted = torch.allclose(layer(x[:, order])[0], y[:, order], rtol=0, atol=1e-12)
    assert permuted == (name != "rotation" or n == 1)
    if d % 2 == 0:
        c, s = math.cos(0.7), math.sin(0.7)
        turn = torch.block_diag(*[torch.tensor([[c, -s], [s, c]])] * (d // 2))
        turned = torch.allclose(layer(x @ turn.mT)[0], y @ turn.mT, rtol=0, atol=1e-12)
        assert turned == (name != "permutation")
        mirror = torch.tensor([1.0, -1.0] * (d // 2))
        mirrored = torch.allclose(layer(x * mirror)[0], y * mirror, rtol=0, atol=1e-12)
        assert mirrored == (name == "both-reflections")


def test_number_of_parameters():
    """d + 2 d^2 for permutations, 2 n^2 for rotations, two complex or two real numbers for both in the plane."""
    counts = [sum(p.numel() for p in LAYERS[name](20, 2).parameters()) for name in LAYERS]
    assert counts == [2 + 2 * 4, 2 * 400, 4, 2]
    assert sum(p.numel() for p in PermutationTiedLinear(20, 3).parameters()) == 3 + 2 * 9


@pytest.mark.parametrize("kind", [RotationTiedLinear, PermutationRotationTiedLinear])
@pytest.mark.parametrize("dim", [1, 3])
def test_odd_dimension_is_refused(kind, dim):
    with pytest.raises(InputError, match=f"^dim must be even for rotations.*, got {dim}$"):
        kind(4, dim)


@pytest.mark.parametrize("arguments", [(0, 2), (2.5, 2), (3, 0), (3, "2")])
def test_bad_sizes_are_refused(arguments):
    with pytest.raises(InputError, match=r"^(n|dim) must be an integer >= 1, got "):
        PermutationTiedLinear(*arguments)


@pytest.mark.parametrize("kind", [ElementwiseActivation, RadialActivation])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_activation_and_its_inverse(kind, dim):
    activation = kind(dim)
    with torch.no_grad():
        for parameter in activation.parameters():
            parameter.normal_(0, 0.5)
    x = torch.cat([torch.randn(6, 3, dim), 1e-9 * torch.randn(2, 3, dim), 30 * torch.randn(2, 3, dim)])
    y, log_det = activation(x)
    for one, value in zip(x, log_det, strict=True):
        jacobian = torch.func.jacrev(lambda one: activation(one[None])[0][0])(one).reshape(3 * dim, 3 * dim)
        sign, expected = torch.linalg.slogdet(jacobian)
        assert sign == 1
        torch.testing.assert_close(value, expected, rtol=1e-10, atol=1e-10)
    back, same = activation.inverse(y)
    torch.testing.assert_close(back, x, rtol=1e-10, atol=1e-15)
    torch.testing.assert_close(same, log_det, rtol=1e-10, atol=1e-10)


def test_activations_keep_their_symmetry():
    elementwise, radial = ElementwiseActivation(2), RadialActivation(2)
    for activation in (elementwise, radial):
        for parameter in activation.parameters():
            torch.nn.init.normal_(parameter, 0.3, 0.3)
    x, order = torch.randn(4, 5, 2), torch.randperm(5)
    c, s = math.cos(0.7), math.sin(0.7)
    turn = torch.tensor([[c, s], [s, -c]])  # a reflection, of the same cost as a rotation
    for activation in (elementwise, radial):
        torch.testing.assert_close(activation(x[:, order])[0], activation(x)[0][:, order], rtol=0, atol=0)
    torch.testing.assert_close(radial(x @ turn.mT)[0], radial(x)[0] @ turn.mT, rtol=1e-13, atol=1e-13)
    assert not torch.allclose(elementwise(x @ turn.mT)[0], elementwise(x)[0] @ turn.mT, atol=1e-3)


def test_radial_activation_at_the_origin():
    activation = RadialActivation(2)
    torch.nn.init.constant_(activation.log_delta, 0.4)
    x = torch.zeros(1, 1, 2, requires_grad=True)
    y, log_det = activation(x)
    assert torch.equal(y, torch.zeros_like(y)) and log_det.item() == pytest.approx(0.8, abs=1e-12)
    (y.sum() + log_det.sum()).backward()
    assert x.grad.isfinite().all() and activation.log_delta.grad == pytest.approx(2.0)
