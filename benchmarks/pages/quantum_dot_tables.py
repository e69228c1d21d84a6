"""Tables of docs/quantum-dots.md, which `benchmarks.pages.tables` writes."""

from __future__ import annotations

import re

from benchmarks.entries import entries
from benchmarks.rows import read
from physgen.nn.determinants.shell_filling import ShellFilling
from physgen.stats import with_error
from physgen.systems import QuantumDot
from physgen.systems.two_electrons import two_electrons
from physgen.zoo.markdown import markdown

#: published energies beside our own, in the order in which they are shown
PUBLISHED = ("DMC", "VMC (PINN+CTNN)", "VMC (Slater-Jastrow)", "VMC (RBM+PJ)", "VMC (RBM+SJ)", "VMC (RBM)")
WAVEFUNCTIONS = ("neural-backflow", "transformer", "slater-jastrow", "slater-jastrow-pade", "rbm-slater-jastrow")
WAVEFUNCTIONS += ("rbm-slater-symmetric", "rbm-slater-simple-jastrow", "rbm-slater")


def diffusion_table() -> str:
    """Return the Markdown table of fixed-node diffusion Monte Carlo with the zoo's wavefunctions as guides."""
    lines = []
    for r in read("diffusion"):
        if not r["entry"].startswith("quantum-dot"):
            continue
        found, guide = (
            with_error(float(r[a]), float(r[b])) for a, b in (("energy_dmc", "error"), ("vmc", "vmc_error"))
        )
        known = f"{r['reference_method']} {with_error(float(r['reference']), float(r['reference_error']))}"
        cells = [r["entry"], guide, found, known, f"{float(r['sigma']):+.1f}", r["time_steps"], r["chi_square"]]
        lines.append([*cells, r["population_bias"], r["walkers"], r["time"], r["cpu_seconds"], r["seed"]])
    columns = "guide | its energy | diffusion Monte Carlo | reference | sigma | time steps | chi^2 | population bias"
    return markdown(f"{columns} | walkers | imaginary time | CPU-s | seed", lines)


def terms_table() -> str:
    """Return the Markdown table of the terms of the energy against the frequency."""
    names, lines = ("energy", "kinetic", "trap", "coulomb", "virial"), []
    for r in read("energy_terms"):
        cells = [with_error(float(r[name]), float(r[f"{name}_error"])) for name in names]
        lines.append([r["n"], r["omega"], *cells, r["exchange_defect"], r["train_cpu_seconds"], r["seed"]])
    return markdown(f"N | omega | {' | '.join(names)} | exchange defect | CPU-s | seed", lines)


def two_electron_table() -> str:
    """Return the Markdown table of the terms of two electrons beside the exact ones, of every entry with cusps."""
    lines = []
    for name, result in entries("quantum-dot-*-n2-*/*"):
        label, model = name.split("/")
        dim, omega = re.search(r"dot-(\d)d-n2-omega([\d.]+)", label).groups()
        if model not in ("rbm-jastrow", "neural-backflow") or open_shell(label):
            continue
        exact, cells = two_electrons(float(omega), int(dim)), []
        for term in ("energy", "kinetic", "trap", "coulomb"):
            found, known = result.estimates[term], getattr(exact, term)
            cells += [f"{found} ({(found.value - known) / found.error:+.1f})", f"{known:.7g}"]
        lines.append([f"{dim}D", omega, model, *cells])
    terms = " | ".join(f"{term} (sigma) | exact" for term in ("energy", "kinetic", "trap", "interaction"))
    return markdown(f"dim | omega | model | {terms}", lines)


def filling(label: str) -> ShellFilling:
    """Return the shells that the electrons of a dot fill."""
    dim, n = map(int, re.match(r"quantum-dot-(\d)d-n(\d+)", label).groups())
    up, momentum = (re.search(rf"-{letters}(\d+)", label) for letters in ("up", "m"))
    return ShellFilling(n, dim, int(up[1]) if up else (n + 1) // 2, int(momentum[1]) if momentum else None)


def open_shell(label: str) -> bool:
    """Return whether a dot is one of the table of open shells and other spins."""
    shells = filling(label)
    return shells.n_up != shells.n - shells.n_up and shells.n > 1


def open_shell_table() -> str:
    """Return the Markdown table of dots whose spins do not add up to 0, beside exact energies, full CI and own DMC."""
    found: dict[str, dict[int, tuple[float, float]]] = {}
    for r in read("seeds"):
        system, model = r["config"].split("/")
        if system.startswith("quantum-dot-") and model == "neural-backflow" and open_shell(system):
            found.setdefault(system, {})[int(r["seed"])] = float(r["value"]), float(r["error"])
    interaction = {(r["state"], float(r["omega"])): (r["continued"], r["error"]) for r in read("full_ci")}
    for state, omega in interaction:
        n, n_up = map(int, state.split("-up"))
        found.setdefault(QuantumDot(n, omega=omega, n_up=n_up).label, {})
    diffusion = {r["entry"]: (r["energy_dmc"], r["error"]) for r in read("diffusion")}
    lines = []
    for system in sorted(found, key=lambda s: [float(x) for x in re.findall(r"[\d.]+", s)]):
        shells, omega = filling(system), float(re.search(r"omega([\d.]+)", system)[1])
        exact = [r.value for r in QuantumDot(shells.n, omega=omega, n_up=shells.n_up).references() if r.exact]
        entry = f"{system}/neural-backflow"
        result = dict(entries(entry)).get(entry)
        told = result.estimates if result else {}
        measured = [str(told.get(name, "")) for name in ("spin_square", "angular_momentum_share")]
        seeds = ", ".join(with_error(*found[system][seed]) for seed in sorted(found[system]))
        state = interaction.get((f"{shells.n}-up{shells.n_up}", omega))
        pairs = [state, diffusion.get(entry)]
        known = [with_error(*map(float, pair)) if pair else "" for pair in pairs]
        spin = (2 * shells.n_up - shells.n) / 2
        lines.append([shells.n, f"{spin:g}", shells.angular_momentum, f"{omega:g}", seeds, *measured])
        lines[-1] += [f"{exact[0]:.7g}" if exact else "", *known]
    columns = "N | S_z | M | omega | neural-backflow, each seed | <S^2> | share of M | exact | full CI | own DMC"
    return markdown(columns, lines)


def ground_state_table() -> str:
    """Return the Markdown table of dots of six electrons and more: every model and seed, and published energies."""
    found: dict[str, dict[str, list[str]]] = {}
    for r in read("seeds"):
        system, model = r["config"].split("/")
        if re.match(r"quantum-dot-\dd-n(?!1-|2-)", system) and not open_shell(system):
            energies = found.setdefault(system, {}).setdefault(model, [])
            energies.append(with_error(float(r["value"]), float(r["error"])))
    lines = []
    for system in sorted(found, key=lambda s: [float(x) for x in re.findall(r"[\d.]+", s)]):
        dim, n, omega = re.search(r"dot-(\d)d-n(\d+)-omega([\d.]+)", system).groups()
        known = QuantumDot(int(n), dim=int(dim), omega=float(omega)).references()
        published: dict[str, list[str]] = {}
        for r in known:
            if r.quantity == "energy":
                published.setdefault(r.method, []).append(with_error(r.value, r.error))
        for model in sorted(found[system], key=WAVEFUNCTIONS.index):
            lines.append([f"{dim}D", n, omega, model, ", ".join(found[system][model])])
        for method in PUBLISHED:
            if method in published:
                lines.append([f"{dim}D", n, omega, f"*published {method}*", "; ".join(published[method])])
    return markdown("dim | N | omega | wavefunction | energy of each seed, Hartree", lines)
