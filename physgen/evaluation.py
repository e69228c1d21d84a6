"""`physgen.runs.evaluation` under the name that it had before 0.2."""

from physgen.runs.evaluation import Evaluation

__all__ = ["Evaluation"]
