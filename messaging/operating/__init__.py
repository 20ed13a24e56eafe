"""What operators and staff look at: state, traces, the base of their pages."""
