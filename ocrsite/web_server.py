"""The web server: waitress, with limits for connections that keep it waiting.

One thread reads and writes all connections; a request takes one of the other threads only once all
of it has arrived. So connections that send or read slowly cost no thread. ocrsite.gunicorn_worker
runs it in gunicorn's processes; ``python -m ocrsite.web_server`` in one, where gunicorn cannot run.
"""

import contextlib
import logging
import math
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, NoReturn, TypeAlias
from wsgiref.types import WSGIApplication

from django.conf import settings
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from ocrsite.lib.errors import StorageUnavailable

logger = logging.getLogger(__name__)

SocketMap: TypeAlias = dict[int, wasyncore.dispatcher]

# POST /extract holds a thread while it waits: up to MAX_WAITERS of
# extraction.api.long_polling, and enough others for everybody else.
THREADS = 40
# A request's headers must arrive within this. A body that arrives, an answer that is read and the
# rest of a rejected body get a second more for each BYTES_PER_SECOND that were transferred.
WAIT_SECONDS = 15.0
BYTES_PER_SECOND = 16 * 1024
# Of a rejected body so much is read and dropped: most clients send everything before they read the
# answer, and would not see it if the connection were closed meanwhile.
DISCARDED_BYTES = 256 * 1024 * 1024
# An open wait is cut at a stop: its extraction goes on, and the caller asks again.
GRACE_SECONDS = 10.0
# Above these, connections that keep the server waiting are closed.
MAX_CONNECTIONS = 1_000
MAX_PER_ADDRESS = 250
MAX_BUFFERED_BYTES = 1024 * 1024 * 1024
# Connections are looked at every second; later than this, the process was paused.
_PAUSE_SECONDS = 2.5
# A connection needs up to three: for itself, its request and its answer.
_FILES_PER_CONNECTION = 3
_FILES_FOR_THE_REST = 500
_FEWEST_CONNECTIONS = 50


class Stage(Enum):
    """What a connection does."""

    HEADERS = auto()  # sends a request's headers, or nothing at all
    BODY = auto()  # sends a request's body
    WORK = auto()  # waits for an answer
    ANSWER = auto()  # reads an answer
    DISCARD = auto()  # has read the answer to a body too large, and may still be sending it


def keep_temporary_files_in_data_dir() -> None:
    """Have this process keep what bodies and answers are too large for memory in DATA_DIR/tmp.

    waitress names no folder for them, and the system's may be small, and is on another disk.
    """
    tempfile.tempdir = str(settings.FILE_UPLOAD_TEMP_DIR)


class LostBody:
    """A body that could not be kept: whoever reads it is told so, with StorageUnavailable."""

    def read(self, _size: int = -1) -> NoReturn:
        """Raise StorageUnavailable."""
        raise StorageUnavailable

    readline = read


class Parser(HTTPRequestParser):  # type: ignore[misc]  # waitress has no types
    """Ends a request as soon as its body is known to be too large, and without that body.

    UploadLimitMiddleware answers it by its Content-Length. One whose body cannot be kept ends as
    soon, with a LostBody.
    """

    headers: dict[str, str]
    body_rcv: object | None
    is_cut_off = False
    _is_lost = False

    def received(self, data: bytes) -> int:
        """Take what arrived; return how much of it belongs to this request."""
        try:
            consumed: int = super().received(data)
        except OSError:
            logger.exception("The body of a request cannot be kept.", extra={"noise": "lost body"})
            self._is_lost = True
            return self._cut_off(max(self.content_length, 1), data)
        size = max(self.content_length, self.body_bytes_received)
        if self.body_rcv is None or self.error or size <= settings.MAX_BODY_BYTES:
            return consumed
        return self._cut_off(size, data)

    def get_body_stream(self) -> Any:
        """Return what the application reads the body from."""
        return LostBody() if self._is_lost else super().get_body_stream()

    def _cut_off(self, size: int, data: bytes) -> int:
        """End the request without its body, of which what arrives is dropped."""
        self.is_cut_off = self.completed = True
        self.expect_continue = False
        # A body in chunks has none.
        self.headers["CONTENT_LENGTH"] = str(size)
        self.headers["CONNECTION"] = "close"
        self.close()
        self.body_rcv = None
        return len(data)


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that knows until when it may go on as it does."""

    parser_class = Parser
    requests: list[Parser]

    def __init__(
        self,
        server: "Server",
        sock: socket.socket,
        addr: tuple[str, int],
        adj: Adjustments,
        map: SocketMap | None = None,  # waitress names it so
    ) -> None:
        self._is_cut_off = False
        self._is_discarding = False
        self._answered = 0
        self._seen = (Stage.HEADERS, 0)
        self.since = time.monotonic()
        self._transferred = 0
        super().__init__(server, sock, addr, adj, map)

    @property
    def stage(self) -> Stage:
        """What it does now."""
        if self._is_discarding:
            return Stage.DISCARD
        if self.total_outbufs_len:
            return Stage.ANSWER
        if self.requests:
            return Stage.WORK
        if self.request is not None and self.request.headers_finished:
            return Stage.BODY
        return Stage.HEADERS

    def deadline(self, now: float) -> float:
        """Return when it is to be closed unless something is transferred until then."""
        seen = (self.stage, self._answered)
        if seen != self._seen:
            self._seen, self.since, self._transferred = seen, now, 0
        if self.stage is Stage.WORK:
            return math.inf
        end = self.since + WAIT_SECONDS
        return end if self.stage is Stage.HEADERS else end + self._transferred / BYTES_PER_SECOND

    def buffered(self) -> int:
        """Return how many bytes of a body wait for the rest of it."""
        return self.request.body_bytes_received if self.request else 0

    def readable(self) -> bool:
        """Whether what arrives is of interest now."""
        return self._is_discarding or super().readable()

    def received(self, data: bytes) -> bool:
        """Take what arrived."""
        self._transferred += len(data)
        if not self._is_discarding:
            return bool(super().received(data))
        if self._transferred > DISCARDED_BYTES:
            self.handle_close()
        return True

    def send(self, data: bytes, do_close: bool = True) -> int:
        """Send some of an answer; return how much."""
        sent: int = super().send(data, do_close)
        self._transferred += sent
        return sent

    def service(self) -> None:
        """Answer a request, in one of the threads."""
        self._is_cut_off = self.requests[0].is_cut_off
        super().service()
        self._answered += 1

    def handle_write(self) -> None:
        """Send what there is to send, and close the connection when it is to be closed."""
        if self._is_cut_off and self.close_when_flushed and not self.will_close:
            self._flush_exception(self._flush_some)
            if not self.total_outbufs_len and not self.will_close:
                self._begin_to_discard()
        else:
            super().handle_write()

    def handle_close(self) -> None:
        """Close the connection, and drop the body that it was sending."""
        super().handle_close()
        if self.request is not None:
            self.request.close()

    def _begin_to_discard(self) -> None:
        self.close_when_flushed = False
        self._is_discarding = True
        with contextlib.suppress(OSError):  # the client closed the connection
            self.socket.shutdown(socket.SHUT_WR)


class Server(TcpWSGIServer):  # type: ignore[misc]
    """Serves what connects to one listening socket, until it is stopped."""

    channel_class = Channel
    active_channels: dict[int, Channel]

    def __init__(self, application: WSGIApplication, listener: socket.socket) -> None:
        self._channels_and_sockets: SocketMap = {}
        self._threads = ThreadedTaskDispatcher()
        self._threads.set_thread_count(THREADS)
        self._max_connections = min(MAX_CONNECTIONS, _connections_by_open_files())
        self._checked_at = time.monotonic()
        # By default a busy thread keeps the one that reads and writes waiting for 5 ms at a time.
        sys.setswitchinterval(0.001)
        address = listener.getsockname()
        super().__init__(
            application,
            map=self._channels_and_sockets,
            _sock=listener,
            dispatcher=self._threads,
            adj=_adjustments(listener),
            sockinfo=(listener.family, listener.type, listener.proto, address),
            bind_socket=False,
        )

    def run_while(self, condition: Callable[[], bool]) -> None:
        """Serve while ``condition``, which is asked at least once a second, holds."""
        while condition():
            wasyncore.loop(1.0, use_poll=True, map=self._channels_and_sockets, count=1)
            now = time.monotonic()
            if now - self._checked_at >= 1.0:
                self._forgive_pause(now - self._checked_at)
                self._checked_at = now
                self._close_overdue(now)

    def stop(self, within_seconds: float, beat: Callable[[], None] = lambda: None) -> None:
        """Accept no connection any more, and give running requests time for their answers.

        ``beat`` is called once a second.
        """
        self.accepting = False
        self.del_channel()
        self.socket.close()
        give_up_at = time.monotonic() + within_seconds

        def goes_on() -> bool:
            beat()
            busy = any(
                channel.stage in (Stage.WORK, Stage.ANSWER) for channel in self._connections()
            )
            return busy and time.monotonic() < give_up_at

        self.run_while(goes_on)
        self._threads.set_thread_count(0)

    def wake(self) -> None:
        """Have the condition of ``run_while`` asked at once. Safe in signal handlers."""
        self.pull_trigger()

    def handle_accept(self) -> None:
        """Take a new connection, in place of another one when there are too many."""
        known = set(self.active_channels)
        super().handle_accept()
        for descriptor in self.active_channels.keys() - known:
            self._make_room_for(self.active_channels[descriptor])

    def maintenance(self, now: float) -> None:
        """Do nothing: here waitress would not close what cannot be written to."""

    def _make_room_for(self, new: Channel) -> None:
        others = [channel for channel in self._connections() if channel is not new]
        if len(others) >= self._max_connections:
            self._close_first_due(others, new)
        elif not settings.BEHIND_PROXY:
            same = [channel for channel in others if channel.addr[0] == new.addr[0]]
            if len(same) >= MAX_PER_ADDRESS:
                self._close_first_due(same, new)

    def _close_first_due(self, others: list[Channel], new: Channel) -> None:
        """Close the one that would be closed next; the new one when all wait for answers."""
        now = time.monotonic()
        first = min(others, key=lambda channel: channel.deadline(now))
        (first if first.deadline(now) < math.inf else new).handle_close()

    def _forgive_pause(self, seconds: float) -> None:
        """Give what was lost back to all, when this process stood still and not the callers."""
        if seconds > _PAUSE_SECONDS:
            for channel in self._connections():
                channel.since += seconds

    def _close_overdue(self, now: float) -> None:
        for channel in self._connections():
            if channel.deadline(now) <= now:
                channel.handle_close()
        self._limit_buffers()

    def _limit_buffers(self) -> None:
        """Close the connections that have been sending for the longest time."""
        sending = [channel for channel in self._connections() if channel.stage is Stage.BODY]
        total = sum(channel.buffered() for channel in sending)
        for channel in sorted(sending, key=lambda channel: channel.since):
            if total <= MAX_BUFFERED_BYTES:
                break
            total -= channel.buffered()
            channel.handle_close()

    def _connections(self) -> list[Channel]:
        return list(self.active_channels.values())


def _adjustments(listener: socket.socket) -> Adjustments:
    return Adjustments(
        sockets=[listener],
        # One read of an upload takes one turn of the loop.
        recv_bytes=256 * 1024,
        inbuf_overflow=64 * 1024,
        max_request_header_size=64 * 1024,
        # Server and Parser apply limits of their own.
        max_request_body_size=sys.maxsize,
        connection_limit=sys.maxsize,
        # Django decides whether X-Forwarded-… is trusted: HTTPS, TRUSTED_PROXIES.
        clear_untrusted_proxy_headers=False,
        log_socket_errors=False,
        ident="",
    )


def _connections_by_open_files() -> int:
    """Return how many the limit of open files allows; it is raised as far as needed and allowed."""
    if sys.platform == "win32":
        return 450  # select takes 512 sockets there
    import resource

    wanted = MAX_CONNECTIONS * _FILES_PER_CONNECTION + _FILES_FOR_THE_REST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MAX_CONNECTIONS
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(_FEWEST_CONNECTIONS, (allowed - _FILES_FOR_THE_REST) // _FILES_PER_CONNECTION)


def main() -> None:
    """Serve the site in this process until SIGTERM or Ctrl-C."""
    from ocrsite.wsgi import application  # isort: split
    from extraction.webhooks.without_worker import watch_workers_in_thread

    keep_temporary_files_in_data_dir()
    watch_workers_in_thread()
    stopped = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopped
        stopped = True
        server.wake()

    with socket.create_server((settings.HOST, settings.PORT)) as listener:
        server = Server(application, listener)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        server.run_while(lambda: not stopped)
        server.stop(GRACE_SECONDS)


if __name__ == "__main__":
    main()
