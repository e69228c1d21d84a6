"""What a reference calculation found, on disk: reference.json and reference.npz."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np

from physgen.core.archive import read_arrays
from physgen.core.errors import InputError
from physgen.core.files import write_text, writing
from physgen.core.paths import user_path
from physgen.core.small_file import read_small
from physgen.runs.result import Estimate
from physgen.systems import Reference

NAME = "reference"


@dataclass
class ReferenceRecord:
    """Reference values of one classical system.

    Args:
        system: `{class_path, init_args}`.
        settings: what the calculation was asked for: error, samples, seed, ...
        estimates: `energy`, its terms, `virial`, `r2`, `free_energy` where known, in the system's units.
        diagnostics: plain numbers: moves, walkers, autocorrelation times, R-hat, acceptances, quadrature error, ...
        notes: what a reader must know, in words.
        references: what the values are compared with.
        provenance: version, seed, CPU-seconds.
        origin: `computed`, or `cached` when it was read from the cache.
        arrays: histograms of `structure`, `couplings` and the mean repulsion there.
    """

    system: dict[str, Any]
    settings: dict[str, Any]
    estimates: dict[str, Estimate]
    diagnostics: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)
    origin: str = "computed"
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def write(self, folder: str | Path) -> None:
        """Write `reference.json` and `reference.npz`, each at once.

        Raises:
            InputError: the folder cannot be written.
        """
        folder = user_path(folder, "folder")
        fields = {k.name: getattr(self, k.name) for k in dataclasses.fields(self) if k.name != "arrays"}
        fields["estimates"] = {k: dataclasses.asdict(v) for k, v in self.estimates.items()}
        fields["references"] = [dataclasses.asdict(r) for r in self.references]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with writing(folder / f"{NAME}.npz") as file:
                np.savez_compressed(file, **cast(dict[str, Any], self.arrays))
            write_text(folder / f"{NAME}.json", json.dumps(fields, indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            raise InputError(f"folder {folder} cannot be written: {error.strerror or error}") from None

    @classmethod
    def read(cls, folder: str | Path) -> ReferenceRecord:
        """Read what `write` wrote.

        Raises:
            InputError: a file is missing or broken.
        """
        folder = user_path(folder, "folder")
        try:
            fields = json.loads(read_small(folder / f"{NAME}.json"))
            fields["estimates"] = {k: Estimate(**v) for k, v in fields["estimates"].items()}
            fields["references"] = [Reference(**r) for r in fields["references"]]
            return cls(**fields, arrays=read_arrays(folder / f"{NAME}.npz"))
        except Exception as error:  # NumPy, zipfile and zlib raise many kinds for damaged files
            raise InputError(f"reference in {folder} cannot be read: {type(error).__name__}: {error}") from None
