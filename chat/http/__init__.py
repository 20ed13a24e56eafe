"""The HTTP door: addresses, pages, the API, and what every request passes."""
