"""Tables of docs/lattices-and-data.md, which `benchmarks.pages.tables` writes from the kept rows."""

from __future__ import annotations

import math

from benchmarks.rows import read
from physgen.stats import with_error
from physgen.zoo.markdown import markdown

TABLE = "lattices_and_data"
#: what stands in a block before there is anything
NOTHING = "Not kept yet."


def rows(*models: str) -> list[dict[str, str]]:
    """Return the kept rows of these models."""
    return [row for row in read(TABLE) if row["model"] in models]


def shown(row: dict[str, str], name: str) -> str:
    """Return an estimate with its error, alone where it carries none, empty where it is not there."""
    if not row[name]:
        return ""
    value, error = float(row[name]), row[f"{name}_error"]
    return with_error(value, float(error)) if error else f"{value:.4g} (no error bar)"


def sigmas(row: dict[str, str], name: str) -> str:
    """Return how many standard errors an estimate of F lies above the exact one."""
    if not row[name] or not row[f"{name}_error"] or not row["exact_free_energy"]:
        return ""
    error = math.hypot(float(row[f"{name}_error"]), float(row["exact_free_energy_error"] or 0))
    return f"{(float(row[name]) - float(row['exact_free_energy'])) / error:+.1f}"


def relative(row: dict[str, str], name: str) -> str:
    """Return the distance of an estimate of F to the exact one in units of it, with its error."""
    exact, error = float(row["exact_free_energy"]), row[f"{name}_error"]
    off = (float(row[name]) - exact) / abs(exact)
    return f"{off:.1e}" + (f" +- {float(error) / abs(exact):.0e}" if error else "")


def cost(row: dict[str, str]) -> list[str]:
    """Return iterations, CPU-seconds of the training and the seed."""
    return [row["iterations"], f"{float(row['train_cpu_seconds']):.0f}", row["seed"]]


def exact(row: dict[str, str]) -> str:
    """Return the exact F."""
    return with_error(float(row["exact_free_energy"]), float(row["exact_free_energy_error"] or 0))


def ising_table() -> str:
    """Return the Markdown table of spins that learn without data."""
    lines = []
    for row in rows("AutoregressiveLattice"):
        context = "masked, all spins" if row["case"].endswith("masked") else "boundary"
        lines.append(
            [
                row["system"], context, relative(row, "free_energy"), sigmas(row, "free_energy"), shown(row, "kl"),
                shown(row, "forward_kl"), f"{float(row['ess']):.3f}", relative(row, "free_energy_importance"),
                sigmas(row, "free_energy_importance"), *cost(row),
            ]
        )  # fmt: skip
    columns = "system | context | (F_theta - F)/abs F | sigma | KL(p, exact) | KL(exact, p) | ESS"
    return (
        markdown(f"{columns} | F by weights, off by | sigma | iterations | CPU-s | seed", lines) if lines else NOTHING
    )


def machines_table() -> str:
    """Return the Markdown table of models that learn from samples, judged by their log-likelihood."""
    lines = []
    for row in rows("BoltzmannMachine", "VariationalAutoencoder"):
        bound = f"{-float(row['entropy']):.5f}" if row["entropy"] else ""
        if not bound and row["log_likelihood_bound"]:
            bound = f"{float(row['log_likelihood_bound']):.5f}"
        ladder = ", ".join(shown(row, name) for name in ("elbo", "iw_10", "iw_100") if row[name])
        lines.append(
            [
                row["system"], f"`{row['model']}`", ladder or shown(row, "log_likelihood"), bound,
                shown(row, "forward_kl"), shown(row, "kl"), f"{float(row['ess']):.3f}",
                shown(row, "free_energy_importance"), exact(row), row["guarantee"], *cost(row),
            ]
        )  # fmt: skip
    columns = "system | model | log-likelihood, or ELBO, IW-10, IW-100 | at most | KL(exact, p) | KL(p, exact) | ESS"
    rest = "F by weights | exact F | guarantee | iterations | CPU-s | seed"
    return markdown(f"{columns} | {rest}", lines) if lines else NOTHING


def flows_table() -> str:
    """Return the Markdown table of diffusion models of charges in a trap."""
    lines = []
    for row in rows("DiffusionModel"):
        way = "paths, without data" if "data-free" in row["case"] else "flow matching"
        lines.append(
            [
                row["system"], way, shown(row, "kl"), f"{float(row['ess']):.3f}",
                shown(row, "free_energy_importance"), exact(row), sigmas(row, "free_energy_importance"),
                f"{float(row['step_halving']):.1e}" if row["step_halving"] else "", *cost(row),
            ]
        )  # fmt: skip
    columns = "system | learned by | KL | ESS | F by weights | reference | sigma | step halving"
    return markdown(f"{columns} | iterations | CPU-s | seed", lines) if lines else NOTHING
