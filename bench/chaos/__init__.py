"""The whole system under random faults, and what became of every promise: script/chaos."""
