"""The audit log: who did what and when, as a chain that shows what was changed in it afterwards.

entries.py says what each event tells of, chain.py seals and appends, verifying.py reads it all
again, listening.py stands at the bus.
"""
