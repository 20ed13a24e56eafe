"""Holds the messages against what tells of them: outbox, handled events, audit log, counts, topics.

snapshot.py reads everything at one moment, checks.py and topic_check.py compare, repairing.py puts
right what can be put right, damage.py has the words for it.
"""
