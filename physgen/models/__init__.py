"""Who learns: one file for each generative model, each a LightningModule."""

from physgen.models.autoregressive_lattice import AutoregressiveLattice
from physgen.models.autoregressive_mlp import AutoregressiveMLP
from physgen.models.base import Model
from physgen.models.boltzmann_machine import BoltzmannMachine
from physgen.models.cluster_autoregressive import ClusterAutoregressive
from physgen.models.density import DensityModel
from physgen.models.deuteron_network import DeuteronNetwork
from physgen.models.diffusion_model import DiffusionModel
from physgen.models.family_member import FamilyMember
from physgen.models.fermions import FermionModel
from physgen.models.field_coupling_flow import FieldCouplingFlow
from physgen.models.flow import FlowModel
from physgen.models.gaussian_binary_rbm import GaussianBinaryRBM
from physgen.models.group_average import GroupAverage
from physgen.models.invertible_mlp_flow import InvertibleMLPFlow
from physgen.models.jastrow_correlator import JastrowCorrelator
from physgen.models.mlp_flow import MLPFlow
from physgen.models.neural_backflow import NeuralBackflow
from physgen.models.nuclear_correlator import NuclearCorrelator
from physgen.models.parametric_matrix_model import ParametricMatrixModel
from physgen.models.quantum_ensemble import QuantumEnsemble
from physgen.models.rbm_slater import RBMSlater
from physgen.models.slater_jastrow import SlaterJastrow
from physgen.models.tied_flow import TiedFlow
from physgen.models.transformer_coupling_flow import TransformerCouplingFlow
from physgen.models.transformer_flow import TransformerFlow
from physgen.models.transformer_wavefunction import TransformerWavefunction
from physgen.models.variational_autoencoder import VariationalAutoencoder
from physgen.models.wavefunction import WavefunctionModel

__all__ = [
    "AutoregressiveLattice",
    "AutoregressiveMLP",
    "BoltzmannMachine",
    "ClusterAutoregressive",
    "DensityModel",
    "DeuteronNetwork",
    "DiffusionModel",
    "FermionModel",
    "FieldCouplingFlow",
    "FlowModel",
    "FamilyMember",
    "GaussianBinaryRBM",
    "GroupAverage",
    "InvertibleMLPFlow",
    "JastrowCorrelator",
    "MLPFlow",
    "Model",
    "NeuralBackflow",
    "ParametricMatrixModel",
    "NuclearCorrelator",
    "QuantumEnsemble",
    "RBMSlater",
    "SlaterJastrow",
    "TransformerWavefunction",
    "TiedFlow",
    "TransformerCouplingFlow",
    "TransformerFlow",
    "VariationalAutoencoder",
    "WavefunctionModel",
]
