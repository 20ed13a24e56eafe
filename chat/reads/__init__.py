"""Queries to payloads. Nothing here writes."""
