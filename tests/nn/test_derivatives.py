import pytest
import torch
from torch import nn

from physgen.core.errors import TrainingError
from physgen.nn import derivatives


class Net(nn.Module):
    """ln psi = -|x|^2/2 + a sum of x^3; `error` spoils the Laplacian."""

    def __init__(self, error=0.0, slope_error=0.0):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(0.3))
        self.error, self.slope_error = error, slope_error

    def forward(self, x):
        value = -0.5 * x.square().sum((-1, -2)) + self.a * (x**3).sum((-1, -2))
        return torch.ones_like(value), value

    def derivatives(self, x):
        gradient = (1 + self.slope_error) * (-x + 3 * self.a * x.square())
        return gradient.detach(), ((-1 + 6 * self.a * x).sum((-1, -2)) * (1 + self.error)).detach()


def test_chunks_give_the_same(generator):
    x = torch.randn(11, 3, 2, generator=generator)
    net, calls = Net(), []

    def counted(part):
        calls.append(len(part))
        return net.derivatives(part)

    whole = net.derivatives(x)
    for size in (1, 4, 11, 50):
        calls.clear()
        found = derivatives.in_chunks(counted, x, size)
        assert max(calls) <= size and sum(calls) == 11
        for a, b in zip(found, whole, strict=True):
            torch.testing.assert_close(a, b)


@pytest.mark.parametrize("keeps_graph", [False, True])
def test_chunks_keep_the_memory_bounded(keeps_graph, generator, monkeypatch):
    """A rule that makes one tensor of 1000 numbers for each configuration, and nine of 100."""
    monkeypatch.setattr(derivatives, "LARGEST_BYTES", {"cpu": 1_000_000})
    monkeypatch.setattr(derivatives, "GRAPH_BYTES", {"cpu": 1_000_000})

    def rule(x):
        large = torch.zeros(len(x), 1000, dtype=torch.float64)
        small = [torch.zeros(len(x), 100, dtype=torch.float64) for _ in range(9)]
        return large, small[0]

    x = torch.randn(64, 3, 2, generator=generator)
    expected = 1_000_000 // (8 * (1900 if keeps_graph else 1000))
    assert derivatives.chunk_size(rule, x, keeps_graph) == expected
    monkeypatch.setattr(derivatives, "LARGEST_BYTES", {"cpu": 10})
    monkeypatch.setattr(derivatives, "GRAPH_BYTES", {"cpu": 10})
    assert derivatives.chunk_size(rule, x, keeps_graph) == 1


def test_right_derivatives_pass(generator):
    net = Net()
    derivatives.check_derivatives(net, torch.randn(4, 3, 2, generator=generator))
    assert net.a.dtype == torch.float32  # the check works on a copy


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"error": 1e-4}, "the Laplacian"),
        ({"slope_error": 0.1}, "the gradient"),
        ({"error": float("nan")}, "is off by"),
    ],
)
def test_wrong_derivatives_are_refused_with_the_difference(arguments, words, generator):
    with pytest.raises(TrainingError, match="derivatives of Net disagree with autograd") as refusal:
        derivatives.check_derivatives(Net(**arguments), torch.randn(4, 3, 2, generator=generator))
    assert words in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_rule_takes_the_networks_own_derivatives_or_autograd(generator, caplog):
    x = torch.randn(40, 3, 2, generator=generator)
    net = Net()
    own = derivatives.DerivativeRule(net)
    assert own.own and not caplog.records

    class Bare(nn.Module):
        def forward(self, x):
            return net(x)

    bare = derivatives.DerivativeRule(Bare())
    assert not bare.own and "Bare gives no derivatives of its own" in caplog.text
    for a, b in zip(own(x), bare(x), strict=True):
        torch.testing.assert_close(a, b)
    bare.check(x)
    with pytest.raises(TrainingError):
        derivatives.DerivativeRule(Net(error=0.1)).check(x)
