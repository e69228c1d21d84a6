import numpy as np
import pytest
import torch

from physgen.models import NuclearCorrelator
from physgen.observables.nuclear_radii import NuclearRadii
from physgen.observables.nucleon_density import NucleonDensity
from physgen.systems import LightNucleus
from physgen.systems.at import At


@pytest.mark.parametrize("nuclide, protons, neutrons", [("3H", 1, 2), ("3He", 2, 1), ("4He", 2, 2)])
def test_densities_add_up_to_protons_and_neutrons_and_have_their_radii(nuclide, protons, neutrons):
    torch.manual_seed(3)
    model = NuclearCorrelator(LightNucleus(nuclide)).double()
    with torch.no_grad():  # strong operators of spins: all components count
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    density, radii = NucleonDensity(model.system.space, reach=12.0, bins=600), NuclearRadii(model.system.space)
    squares = {"square_radius": [], "square_proton_radius": []}
    for _ in range(3):
        at = At(model, torch.randn(64, *model.system.shape, dtype=torch.float64))
        assert density.measure(at) == {}
        for name, values in radii.measure(at).items():
            squares.get(name, []).append(values.detach())
    arrays = {name: values.numpy() for name, values in density.histograms(at.x).items()}
    edges = arrays["nucleon_edges"]
    shells = 4 * np.pi / 3 * np.diff(edges**3)
    middle = (0.5 * (edges[1:] + edges[:-1])) ** 2
    for name, number in (("proton", protons), ("neutron", neutrons)):
        assert (arrays[f"{name}_density"] * shells).sum() == pytest.approx(number, rel=1e-9)
    proton = (arrays["proton_density"] * shells * middle).sum() / protons
    both = ((arrays["proton_density"] + arrays["neutron_density"]) * shells * middle).sum() / (protons + neutrons)
    assert proton == pytest.approx(float(torch.cat(squares["square_proton_radius"]).mean()), rel=2e-3)
    assert both == pytest.approx(float(torch.cat(squares["square_radius"]).mean()), rel=2e-3)
    assert set(density.figures(arrays, at.x, nuclide)) == {"nucleon_density"}
    density.begin()
    assert density.histograms(at.x) == {}
