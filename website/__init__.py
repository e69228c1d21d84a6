"""The documentation site: pages of docs/, notebooks, and the API from docstrings, built by `make docs`."""
