"""Statements that go to PostgreSQL together: one write and one wait for all of them, instead of one
for each (docs/decisions/0013).
"""
