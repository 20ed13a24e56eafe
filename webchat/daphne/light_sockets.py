"""Mends autobahn's WebSockets, of which each one that only listens takes 8 KB: here it takes 3.

Nothing that they do is changed. `tests/unit/webchat/test_light_sockets.py` says when a later
release gives them something that this does not know.
"""

from __future__ import annotations

from typing import Any, Final

from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

# What autobahn and Daphne note of each socket, by what they note it for.
SHAKING_HANDS: Final = """
    _raw_query_string _wskey application_deferred handshake_deferred http_headers http_request_data
    http_request_host http_request_params http_request_path http_request_uri http_response_data
    http_status_line openHandshakeTimeoutCall protocol_to_accept websocket_extensions
    websocket_extensions_in_use websocket_origin websocket_protocol_in_use websocket_protocols
    websocket_version
"""
BEING_OPEN: Final = """
    _transport_details application_queue clean_headers client_addr is_closed is_open last_ping path
    peer request root_path server server_addr socket_opened state trackedTimings trafficStats
"""
READING: Final = """
    _isMessageCompressed _perMessageCompress control_frame_data current_frame current_frame_masker
    data frame_data frame_length inside_message message_data message_data_total_length
    message_is_binary utf8validateIncomingCurrentMessage utf8validateLast utf8validator
    wasMaxFramePayloadSizeExceeded wasMaxMessagePayloadSizeExceeded
"""
WRITING: Final = "send_queue send_state triggered"
PINGING: Final = """
    autoPingPending autoPingPendingCall autoPingPendingSent autoPingPendingSeq autoPingTimeoutCall
"""
CLOSING: Final = """
    closeHandshakeTimeoutCall closedByMe droppedByMe failedByMe localCloseCode localCloseReason
    remoteCloseCode remoteCloseReason wasClean wasCloseHandshakeTimeout wasNotCleanReason
    wasOpenHandshakeTimeout wasServerConnectionDropTimeout wasServingFlashSocketPolicyFile
"""


class Pieces(list[Any]):
    """A list that is also as much of a deque as autobahn uses."""

    def popleft(self) -> Any:
        return self.pop(0)


class LightSocket(WebSocketProtocol):
    # A place for each attribute: a dict of as many takes 3 KB. What else there is goes into a dict.
    __slots__ = tuple(
        " ".join((SHAKING_HANDS, BEING_OPEN, READING, WRITING, PINGING, CLOSING)).split()
    )

    def _connectionMade(self) -> None:  # noqa: N802  (autobahn names them)
        super()._connectionMade()
        # For writing in small pieces, which nobody asks for: a deque takes 750 bytes.
        self.send_queue = Pieces()

    def onOpen(self) -> None:  # noqa: N802
        """The application has what it needs of the handshake, which else would stay here."""
        super().onOpen()
        self.http_headers.clear()
        self.clean_headers.clear()
        self.http_request_data = b""

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Without autobahn's line for a log that nobody reads, in colours."""
        self._dataReceived(data)


class LightSocketFactory(WebSocketFactory):
    """Its options are its sockets' class's: autobahn gives a copy of all 40 to each socket."""

    protocol: type[WebSocketProtocol] = LightSocket

    def setProtocolOptions(self, *arguments: Any, **options: Any) -> None:  # noqa: N802
        super().setProtocolOptions(*arguments, **options)
        kind: type[WebSocketProtocol] = self.protocol
        given = {name: _as_it_is(getattr(self, name)) for name in kind.CONFIG_ATTRS}
        self.protocol = type("Socket", (kind,), {**given, "__slots__": ()})


def _as_it_is(option: Any) -> Any:
    """A function among them (how to compress) is called as it is, and not as a method."""
    return staticmethod(option) if callable(option) else option
