"""What a run leaves in its folder or on W&B, and its readers."""
