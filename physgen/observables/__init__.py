"""What is measured on configurations of a distribution, one file each."""

from physgen.observables.base import Findings, Function, Observable
from physgen.observables.structure import structure

__all__ = ["Findings", "Function", "Observable", "structure"]
