"""uvicorn's HTTP with a leave that nobody notices: a process that stops closes no connection on a request under way.

Named by `--http` of the web processes.
"""

from cdp_project.http_bounds import BoundedHttp

# What was sent before the client could know arrives within this time, and is answered.
LEAVE_AFTER_SECONDS = 1.0


class LeavingHttp(BoundedHttp):
    """One connection. Once asked to shut down it takes one more request, answers `Connection: close`, and ends."""

    _is_leaving = False

    def shutdown(self) -> None:
        if not self._is_idle():
            super().shutdown()
            return
        # Closed at once, a connection that was just accepted, or is kept alive, loses what is on its way to us.
        self._is_leaving = True
        self.loop.call_later(LEAVE_AFTER_SECONDS, self._leave)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self._is_leaving and self.cycle is not None:
            self.cycle.keep_alive = False

    def _leave(self) -> None:
        if self._is_idle():
            self.transport.close()
