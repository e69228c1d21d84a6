import pytest
import torch


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(20240917)


@pytest.fixture
def ar1(generator):
    """Stationary AR(1) chains of mean 0 and variance 1: tau = (1 + rho) / (1 - rho)."""

    def draw(steps, *shape, rho=0.0):
        noise = torch.randn(steps, *shape, generator=generator, dtype=torch.float64)
        if rho == 0:
            return noise
        series = [noise[0]]
        for kick in noise[1:]:
            series.append(rho * series[-1] + (1 - rho**2) ** 0.5 * kick)
        return torch.stack(series)

    return draw


@pytest.fixture
def synced():
    """Make the first of several metrics see the states of all, by the road that torchmetrics takes between ranks."""

    def sync(*metrics):
        recorded = []
        for metric in metrics:
            states = []

            def record(state, group, states=states):
                states.append(state)
                return [state]

            metric.sync(dist_sync_fn=record, distributed_available=lambda: True)
            metric.unsync()
            recorded.append(states)
        gathered = zip(*recorded, strict=True)
        metrics[0].dist_sync_fn = lambda state, group: list(next(gathered))
        metrics[0].distributed_available_fn = lambda: True
        return metrics[0]

    return sync
