"""What runs beside a training: progress, figures, the record of a run, a guard against blow-ups."""

from physgen.callbacks.blow_up_guard import BlowUpGuard
from physgen.callbacks.cost_ahead import CostAhead
from physgen.callbacks.figures import Figures
from physgen.callbacks.progress import EnergyProgressBar
from physgen.callbacks.result_writer import ResultWriter, advice, panel

__all__ = ["BlowUpGuard", "CostAhead", "EnergyProgressBar", "Figures", "ResultWriter", "advice", "panel"]
