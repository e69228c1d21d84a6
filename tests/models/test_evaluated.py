"""Evaluating, drawing and loading inside `torch.inference_mode()` or `torch.no_grad()` leave the weights trainable."""

import pytest
import torch

from physgen.models import AutoregressiveMLP, InvertibleMLPFlow, Model, NeuralBackflow, WavefunctionModel
from physgen.systems import ClassicalDot, QuantumDot

MAKE = {
    "wavefunction": lambda: NeuralBackflow(
        QuantumDot(2),
        width=4,
        pair_width=2,
        determinants=1,
        sampler={"class_path": "MALA", "init_args": {"walkers": 8, "steps": 1, "warm_up_steps": 4}},
    ),
    "autoregressive": lambda: AutoregressiveMLP(ClassicalDot(2, beta=2.0), hidden=4),
    "flow": lambda: InvertibleMLPFlow(ClassicalDot(2, beta=2.0), hidden=[4], layers=1),
}


def trains(model):
    """Whether a gradient reaches every weight that is trained."""
    x = model.sample(4, 1)
    value = model.log_psi(x)[1] if isinstance(model, WavefunctionModel) else model.log_prob(x[0])
    value.sum().backward()
    return any(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("block", [torch.inference_mode, torch.no_grad])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", MAKE)
def test_evaluating_in_a_block_leaves_the_weights_alone(name, dtype, block):
    torch.manual_seed(1)
    model = MAKE[name]().to(dtype)
    before = [p.clone() for p in model.parameters()]
    outside = model.observe(samples=20, batch=10, warm_up=2, thin=1)
    with block():
        inside = model.observe(samples=20, batch=10, warm_up=2, thin=1)
        drawn = model.sample(3)
        x = drawn if isinstance(model, WavefunctionModel) else drawn[0]
        if isinstance(model, WavefunctionModel):
            assert model.local_energy(x)["total"].isfinite().all()
        else:
            assert model.log_prob(x.clone()).isfinite().all()
        assert not x.is_inference() and not x.requires_grad
    assert inside == outside
    for parameter, weight in zip(model.parameters(), before, strict=True):
        assert torch.equal(parameter, weight) and parameter.dtype == dtype
        assert not parameter.is_inference()
    assert trains(model)


@pytest.mark.parametrize("block", [torch.inference_mode, torch.no_grad])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_loading_in_a_block_gives_weights_that_train(dtype, block, tmp_path):
    model = MAKE["flow"]().to(dtype)
    held = {"physgen": {"format": 1, "version": "0", **model.spec()}, "state_dict": model.state_dict()}
    torch.save(held, tmp_path / "model.ckpt")
    with block():
        loaded = Model.load_from_checkpoint(tmp_path / "model.ckpt")
        loaded.observe(samples=20, batch=10)
    assert not any(v.is_inference() for v in loaded.state_dict().values())
    assert {p.dtype for p in loaded.parameters()} == {dtype} and trains(loaded)
