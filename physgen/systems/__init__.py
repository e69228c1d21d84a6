"""What is simulated: Hamiltonians with named terms, symmetries and references."""

from physgen.systems.at import At
from physgen.systems.bars_and_stripes import BarsAndStripes
from physgen.systems.base import ClassicalSystem, QuantumSystem, System, Wavefunction
from physgen.systems.classical_dot import ClassicalDot
from physgen.systems.coulomb import cusp, pair_distances
from physgen.systems.deuteron import Deuteron
from physgen.systems.double_well_cluster import DoubleWellCluster
from physgen.systems.drawn import Drawn
from physgen.systems.electron_gas import ElectronGas
from physgen.systems.fermi_gas import FermiGas
from physgen.systems.ising import Ising2D, SpinGlass
from physgen.systems.lennard_jones_cluster import LennardJonesCluster
from physgen.systems.light_nucleus import LightNucleus
from physgen.systems.neutron_matter import NeutronMatter
from physgen.systems.periodic_matter import PeriodicMatter
from physgen.systems.quantum_dot import QuantumDot
from physgen.systems.quantum_dots import QuantumDots
from physgen.systems.quartic_well import QuarticWell
from physgen.systems.references import Reference, published
from physgen.systems.scalar_phi4 import ScalarPhi4
from physgen.systems.taut_density import TautDensity
from physgen.systems.taut_state import TautState
from physgen.systems.thermal_dot import ThermalQuantumDot
from physgen.systems.thermal_pair import ThermalSolution, pair_levels, thermal_pair
from physgen.systems.two_charges import TwoChargeSolution, two_charges
from physgen.systems.two_electrons import TwoElectronSolution, two_electrons

__all__ = [
    "At",
    "BarsAndStripes",
    "ClassicalDot",
    "ClassicalSystem",
    "Deuteron",
    "DoubleWellCluster",
    "Drawn",
    "ElectronGas",
    "FermiGas",
    "Ising2D",
    "LennardJonesCluster",
    "LightNucleus",
    "NeutronMatter",
    "PeriodicMatter",
    "QuantumDot",
    "QuantumDots",
    "QuantumSystem",
    "QuarticWell",
    "Reference",
    "ScalarPhi4",
    "SpinGlass",
    "System",
    "TautDensity",
    "TautState",
    "ThermalQuantumDot",
    "ThermalSolution",
    "TwoChargeSolution",
    "TwoElectronSolution",
    "Wavefunction",
    "cusp",
    "pair_distances",
    "pair_levels",
    "published",
    "thermal_pair",
    "two_charges",
    "two_electrons",
]
