"""Reaches the brokers within a deadline, and explains in words why it did not work.

kafka-python's constructors and calls may block past their own timeouts (a peer that accepts and
stays silent in a TLS handshake, a slow name server), so each runs in a thread that is waited for.
"""

from __future__ import annotations

import ssl
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import kafka.errors as kafka_errors
from kafka.net.compat import KafkaNetClient

from messaging.bus.bounded import BoundedCalls
from messaging.errors import (
    ConfigurationError,
    MessagingError,
    PermanentError,
    RetryableError,
    TopicLackingError,
)

Result = TypeVar("Result")

RECORD_ERRORS = (
    kafka_errors.MessageSizeTooLargeError,
    kafka_errors.RecordListTooLargeError,
    kafka_errors.InvalidRecordError,
    kafka_errors.InvalidTopicError,
)
SIGN_IN_ERRORS = (
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.UnsupportedSaslMechanismError,
    kafka_errors.IllegalSaslStateError,
)
RIGHTS = {
    kafka_errors.GroupAuthorizationFailedError: "the consumer group (ACL READ on KAFKA_GROUP_ID)",
    kafka_errors.ClusterAuthorizationFailedError: "the cluster (ACL IDEMPOTENT_WRITE or CREATE)",
}
NOT_ALLOWED = "is not allowed (ACLs READ, WRITE, DESCRIBE; CREATE to make it)"
NOT_THERE = "does not exist (manage.py kafka_topics --ensure creates it)"
# How OpenSSL reports that a broker has refused our certificate.
CERTIFICATE_REFUSED = ("ALERT_CERTIFICATE", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA")


class Connection:
    """Where the brokers are and how to sign in; creates kafka-python's clients."""

    def __init__(
        self, *, brokers: Sequence[str], client_id: str, security: Mapping[str, Any]
    ) -> None:
        self.brokers = tuple(brokers)
        self._client_id = client_id
        self._security = dict(security)
        self._calls = BoundedCalls()

    def make(
        self, kind: Callable[..., Result], *, timeout_seconds: float, **options: Any
    ) -> Result:
        """A client of this kind, connected.

        Raises ConfigurationError when the brokers refuse us, RetryableError when they are down.
        """
        causes = _Causes()
        security = self._security_options()

        def build() -> Result:
            try:
                return kind(
                    bootstrap_servers=list(self.brokers),
                    client_id=self._client_id,
                    bootstrap_timeout_ms=int(timeout_seconds * 1000),
                    reconnect_backoff_max_ms=1000,
                    kafka_client=causes.watched_client,
                    **security,
                    **options,
                )
            except kafka_errors.KafkaError:
                causes.close_client()
                raise

        try:
            return self._calls.run(
                f"connect {kind.__name__}",
                build,
                timeout_seconds=timeout_seconds,
                give_up=causes.is_refused,
            )
        except (kafka_errors.KafkaError, OSError) as error:  # TimeoutError is an OSError
            causes.add(error)
            causes.stop()
            raise self._explained(causes) from None

    def run(self, name: str, call: Callable[[], Result], *, timeout_seconds: float) -> Result:
        """Calls something that may block longer than it promises. Raises RetryableError."""
        try:
            return self._calls.run(name, call, timeout_seconds=timeout_seconds)
        except TimeoutError:
            raise RetryableError(self._away("did not answer in time")) from None
        except kafka_errors.KafkaError as error:
            raise translate(error) from None

    def _security_options(self) -> dict[str, Any]:
        """With our own SSLContext: its errors appear here, before any connection."""
        options = {
            name: value for name, value in self._security.items() if not name.startswith("ssl_")
        }
        if str(options.get("security_protocol", "")).endswith("SSL"):
            options["ssl_context"] = self._ssl_context()
        return options

    def _ssl_context(self) -> ssl.SSLContext:
        given = self._security
        try:
            context = ssl.create_default_context(cafile=given.get("ssl_cafile"))
            context.check_hostname = given.get("ssl_check_hostname", True)
            if given.get("ssl_certfile"):
                context.load_cert_chain(
                    given["ssl_certfile"],
                    given.get("ssl_keyfile"),
                    # Without a function OpenSSL would prompt at the terminal, and wait.
                    password=lambda: given.get("ssl_password") or "",
                )
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"A certificate file for Kafka cannot be used ({type(error).__name__}). Check"
                " KAFKA_SSL_CAFILE, KAFKA_SSL_CERTFILE, KAFKA_SSL_KEYFILE and KAFKA_SSL_PASSWORD."
            ) from None
        return context

    def _explained(self, causes: _Causes) -> MessagingError:
        at = f"Kafka at {','.join(self.brokers)}"
        if causes.find(*SIGN_IN_ERRORS):
            return ConfigurationError(
                f"{at} refused to sign us in. Check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and"
                " KAFKA_SASL_MECHANISM."
            )
        if causes.mention("CERTIFICATE_VERIFY_FAILED"):
            return ConfigurationError(
                f"{at} presents a certificate that is not trusted. Check KAFKA_SSL_CAFILE, and that"
                " KAFKA_BROKERS has the host name for which it was issued."
            )
        if causes.mention(*CERTIFICATE_REFUSED):
            return ConfigurationError(
                f"{at} refused our certificate. Check KAFKA_SSL_CERTFILE and KAFKA_SSL_KEYFILE."
            )
        if causes.find(*RIGHTS):
            return translate(causes.find(*RIGHTS))
        if causes.mention("[SSL"):
            return RetryableError(f"{at} does not speak TLS there. Check KAFKA_SECURITY_PROTOCOL.")
        if causes.was_signing_in:
            return RetryableError(
                f"{at} closed the connection while signing us in. Check KAFKA_SASL_USERNAME,"
                " KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM."
            )
        if causes.mention("socket disconnected"):
            return RetryableError(
                f"{at} closes every connection at once. Check KAFKA_SECURITY_PROTOCOL."
            )
        return RetryableError(self._away("does not answer"))

    def _away(self, what: str) -> str:
        return (
            f"Kafka {what} at {','.join(self.brokers)}. Start it with `docker compose up -d kafka`"
            " or correct KAFKA_BROKERS, or run without Kafka: MESSAGE_BUS=embedded."
        )


def translate(error: BaseException | None) -> MessagingError:
    """Our error for one of kafka-python's, chosen by what to do about it. Its own text may quote a
    request."""
    name = type(error).__name__
    if isinstance(error, MessagingError):
        return error
    if isinstance(error, RECORD_ERRORS):
        return PermanentError(f"Kafka will never accept this record: {name}.")
    if isinstance(error, kafka_errors.TopicAuthorizationFailedError):
        return TopicLackingError(_topics_of(error), NOT_ALLOWED)
    for kind, right in RIGHTS.items():
        if isinstance(error, kind):
            return ConfigurationError(f"Kafka does not allow us {right}: {name}.")
    if isinstance(error, SIGN_IN_ERRORS):
        return ConfigurationError(
            f"Kafka refused to sign us in: {name}. Check KAFKA_SASL_USERNAME and"
            " KAFKA_SASL_PASSWORD."
        )
    return RetryableError(f"Kafka did not do it: {name}.")


def _topics_of(error: kafka_errors.TopicAuthorizationFailedError) -> str:
    """kafka-python gives a name or a set of names, or nothing."""
    given = error.args[0] if error.args else None
    names = [given] if isinstance(given, str) else sorted(map(str, given or ["(unknown)"]))
    return ", ".join(names)


class _Causes:
    """Why connections failed: the constructors themselves only report a timeout."""

    def __init__(self) -> None:
        self._errors: list[BaseException] = []
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()
        self._client: KafkaNetClient | None = None
        self.was_signing_in = False

    def watched_client(self, **options: Any) -> KafkaNetClient:
        """kafka-python's network client; its failed connections are recorded here."""
        self._client = client = KafkaNetClient(**options)
        get_connection = client._manager.get_connection

        def watched(*args: Any, **kwargs: Any) -> Any:
            connection = get_connection(*args, **kwargs)
            if connection not in self._seen:
                self._seen.add(connection)
                connection.close_future.add_errback(lambda error: self._note(connection, error))
            return connection

        client._manager.get_connection = watched
        return client

    def stop(self) -> None:
        """Ends the constructor's own attempts, where it checks at all."""
        if self._client is not None:
            self._client._manager.closed = True
            self._client.wakeup()

    def close_client(self) -> None:
        """A constructor that raises leaves its sockets and its thread behind."""
        if self._client is not None:
            self._client.close()

    def add(self, error: BaseException) -> None:
        self._errors = [*self._errors[-20:], error]

    def find(self, *kinds: type[BaseException]) -> BaseException | None:
        return next((error for error in self._errors if isinstance(error, kinds)), None)

    def mention(self, *words: str) -> bool:
        return any(word in str(error) for error in self._errors for word in words)

    def is_refused(self) -> bool:
        """Further attempts cannot help."""
        return bool(self.find(*SIGN_IN_ERRORS)) or self.mention(
            "CERTIFICATE_VERIFY_FAILED", *CERTIFICATE_REFUSED
        )

    def _note(self, connection: Any, error: BaseException) -> None:
        self.add(error)
        if connection.broker_version_data is not None and connection.sasl_enabled:
            self.was_signing_in = True
