"""`physgen.runs.result` under the name that it had before 0.2."""

from physgen.runs.result import Estimate, Result

__all__ = ["Estimate", "Result"]
