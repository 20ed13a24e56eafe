"""Compares the messages with the outbox, handled events, audit log, counts and topics.

snapshot.py reads everything at one moment, checks.py and topic_check.py compare, repairing.py
repairs what can be repaired, and damage.py has the words for it.
"""
