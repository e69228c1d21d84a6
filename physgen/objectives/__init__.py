"""Why a model learns: objectives, each an object that makes loss or rows of one iteration."""

from physgen.objectives.base import Objective, Step
from physgen.objectives.component_energy import ComponentEnergy
from physgen.objectives.contrastive_divergence import ContrastiveDivergence
from physgen.objectives.evidence_bound import EvidenceBound
from physgen.objectives.family_energy import FamilyEnergy
from physgen.objectives.flow_matching import FlowMatching
from physgen.objectives.forward_kl import ForwardKL
from physgen.objectives.log_variance import LogVariance
from physgen.objectives.orthogonal_energy import OrthogonalEnergy
from physgen.objectives.reverse_kl import ReverseKL
from physgen.objectives.score_matching import ScoreMatching
from physgen.objectives.spin_penalty import EnergyAndSpin
from physgen.objectives.typical import Typical, typical_of
from physgen.objectives.variational_energy import VariationalEnergy

__all__ = [
    "ComponentEnergy",
    "ContrastiveDivergence",
    "EnergyAndSpin",
    "EvidenceBound",
    "FamilyEnergy",
    "FlowMatching",
    "ForwardKL",
    "LogVariance",
    "Objective",
    "OrthogonalEnergy",
    "ReverseKL",
    "ScoreMatching",
    "Step",
    "Typical",
    "VariationalEnergy",
    "typical_of",
]
