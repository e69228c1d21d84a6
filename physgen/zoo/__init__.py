"""The zoo: the index of names, pretrained entries and their cards, runs side by side."""
