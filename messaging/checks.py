"""Mistakes in the settings of the bus that `manage.py check` can find before anything runs."""
