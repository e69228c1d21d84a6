"""What is measured on configurations of a distribution."""

from physgen.observables.structure import structure

__all__ = ["structure"]
