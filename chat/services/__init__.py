"""The only writers. Each function is one transaction; what it changes it announces on commit."""
