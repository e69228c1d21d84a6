"""Pair distributions of neutrons beside published ones.

    python -m benchmarks neutron_pairs [--samples 20000] [--seed 1] [--entries NAME ...]

Draws afresh from the entries of neutron matter, measures singlets and triplets over their distance and keeps them in
`results/neutron_pairs.csv`, beside what `published_neutron_pairs.csv` holds (digitised from the talk, about 0.005; its
image convention is not known) and the free gas in closed form, both averaged over the volume of each bin.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.entries import entries_of
from benchmarks.rows import keep
from physgen import load_pretrained
from physgen.figures.periodic import free_channels
from physgen.observables.spin_channels import SpinChannels
from physgen.systems import NeutronMatter

PUBLISHED = Path(__file__).resolve().with_name("published_neutron_pairs.csv")
#: bins up to L/2, each as wide as five of the published distributions of 14 neutrons: narrower ones hold too few pairs
BINS = 20
FIELDS = ("density", "entry", "channel", "r_over_rs", "value", "error", "published", "free", "samples", "seed")
BATCH = 500


def published() -> dict[tuple[str, str], list[tuple[float, float]]]:
    """Return the digitised distributions by density and channel: radii in units of r_s, and values."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with PUBLISHED.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = row["density"], row["channel"]
            found.setdefault(key, []).append((float(row["r_over_rs"]), float(row["value"])))
    return found


def pairs(samples: int, seed: int, names: Sequence[str]) -> None:
    """Measure and keep the distributions of entries of neutron matter, all of them unless named."""
    known = published()
    for name in names or [name for name, _, _ in entries_of(NeutronMatter)]:
        model = load_pretrained(name)
        system, channels = model.system, SpinChannels(model.system, BINS)
        size = min(BATCH, samples)
        evaluation = {"batch": size, "thin": 10, "warm_up": 300}
        model.observe(samples=samples, seed=seed, observables=[channels], **evaluation)
        arrays = {k: v.numpy() for k, v in channels.histograms(model.evaluated).items()}
        edges = arrays["channel_edges"]
        unit = (3 / (4 * math.pi * system.density)) ** (1 / 3)
        # what is compared is averaged over the volume of a bin too
        fine = np.linspace(edges[:-1], edges[1:], 50)
        free = free_channels(system.fermi_momentum * fine)
        rows = []
        for channel, line in zip(("singlet", "triplet"), free, strict=True):
            there = np.array(known.get((f"{system.density:g}", channel), np.empty((0, 2))))
            for k in range(BINS):
                inside = there[(there[:, 0] * unit >= edges[k]) & (there[:, 0] * unit < edges[k + 1])]
                near = f"{np.average(inside[:, 1], weights=inside[:, 0] ** 2):.4f}" if len(inside) else ""
                row = [f"{system.density:g}", name, channel, f"{(edges[k] + edges[k + 1]) / (2 * unit):.5f}"]
                row += [f"{arrays[f'g_{channel}{end}'][k]:.5f}" for end in ("", "_error")]
                row += [near, f"{np.average(line[:, k], weights=fine[:, k] ** 2):.5f}", str(samples), str(seed)]
                rows.append(dict(zip(FIELDS, row, strict=True)))
        keep("neutron_pairs", FIELDS, ("density", "entry", "channel", "r_over_rs"), rows)
        print(f"{name}: {samples} samples, seed {seed}")


def main(arguments: list[str] | None = None) -> None:
    """Measure and keep the pairs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--entries", nargs="*", default=[])
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    pairs(options.samples, options.seed, options.entries)
