"""The writers of rows; who else writes some stands in ARCHITECTURE.md.

Each function is one transaction; what it changes it announces on commit.
"""
