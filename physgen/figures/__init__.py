"""Pictures of structure, trainings and reference calculations."""
