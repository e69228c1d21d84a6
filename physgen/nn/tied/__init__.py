"""Linear layers and activations whose weights are tied by a symmetry."""
