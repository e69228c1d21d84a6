"""One of two gloo ranks: `python rank_worker.py RANK RENDEZVOUS DATA RESULT`; see test_ranks.py."""

import sys

import torch
import torch.distributed as dist

from physgen.stats import BlockedMean, ImportanceWeights


def main(rank: int, rendezvous: str, data: str, result: str) -> None:
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
    series = torch.load(data, weights_only=True)
    chains = series[:, :3] if rank == 0 else series[:, 3:]
    mean, empty, weights = BlockedMean(), BlockedMean(), ImportanceWeights(observables=["energy"])
    for step in chains:
        mean.update(step)
        weights.update(step, energy=step**2)
    if rank == 1:
        empty.update(chains)
    torch.save({"mean": mean.compute(), "empty": empty.compute(), "weights": weights.compute()}, f"{result}{rank}")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
