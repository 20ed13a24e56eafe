"""What can go wrong on the bus, by the one question that matters: again, or aside?"""


class MessagingError(Exception):
    """Raised by everything in `messaging`."""


class RetryableError(MessagingError):
    """Raised when the same thing may work later: a broker, a database or a receiver is away."""


class CircuitOpenError(RetryableError):
    """Raised without asking the bus, because it has just failed too often."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__(f"The bus failed too often; tried again in {retry_after_seconds:.1f} s.")
        self.retry_after_seconds = retry_after_seconds


class PartitionsLostError(RetryableError):
    """Raised when a commit comes after a rebalance has reassigned the partitions."""


class ConfigurationError(RetryableError):
    """Raised when the bus refuses a password, a certificate or a right, until that is put right."""


class TopicLackingError(ConfigurationError):
    """Raised when the bus does not give one topic: it does not exist, or we have no right to it.
    The bus itself answers, and gives the others."""

    def __init__(self, topic: str, why: str) -> None:
        super().__init__(f"Topic {topic} {why}.")
        self.topic = topic
        self.why = why


class PermanentError(MessagingError):
    """Raised when the same thing can never work: the record itself is bad."""


class InvalidEventError(PermanentError):
    """Raised when an event breaks its schema or the content rules."""


class ShuttingDownError(MessagingError):
    """Raised when something is asked of an adapter that is closing."""
