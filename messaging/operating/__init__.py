"""What operators and staff look at: status, traces, the base of their pages."""
