"""Maps with an inverse and a Jacobian, and fields that make maps."""
