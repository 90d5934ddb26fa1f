"""Frames for open pages: gathered in the process, sent a few times a second over the channel layer."""

import secrets
import threading
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis
import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from cdp_project.kernel.measuring import Gauge

log = structlog.get_logger(__name__)

FRAMES_PER_SECOND = 4
SAMPLE_MOST = 20
FRAME_VERSION = 2
"""Of what is in a frame; while an installation is brought up to date, processes of two versions talk."""

VIEWERS = Gauge("tributary_live_viewers", "Open live pages.")


@dataclass
class Frame:
    """What happened in one group since the last frame."""

    counts: Counter[str] = field(default_factory=Counter)
    sample: deque[Mapping[str, Any]] = field(default_factory=lambda: deque(maxlen=SAMPLE_MOST))


class Publisher:
    """Adds up rows per group and sends one frame per group, at most four a second. Never blocks its caller."""

    def __init__(self) -> None:
        self._frames: dict[str, Frame] = {}
        # Pages tell by these two that frames were lost on the way: each process counts for itself.
        self._sender = secrets.token_hex(4)
        self._sequence: dict[str, int] = {}
        self._lock = threading.Lock()
        self._filled = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, group: str, rows: Sequence[Mapping[str, Any]], counts: Mapping[str, int]) -> None:
        """Rows are JSON-ready. Only a sample of the newest is sent; the counts are always true.

        `counts` tells how many there were of each kind when `rows` holds only the newest of them.
        """
        if not rows:
            return
        with self._lock:
            frame = self._frames.setdefault(group, Frame())
            frame.counts.update(counts)
            frame.sample.extend(rows[-SAMPLE_MOST:])
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="live", daemon=True)
                self._thread.start()
        self._filled.set()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self._filled.wait()
            self._filled.clear()
            self._send()
            pause.wait(1 / FRAMES_PER_SECOND)

    def _send(self) -> None:
        with self._lock:
            frames, self._frames = self._frames, {}
        layer = get_channel_layer()
        for group, frame in frames.items():
            self._sequence[group] = self._sequence.get(group, 0) + 1
            message = {
                "type": "feed.frame",
                "v": FRAME_VERSION,
                "sender": self._sender,
                "seq": self._sequence[group],
                "counts": dict(frame.counts),
                "sample": list(frame.sample),
            }
            try:
                async_to_sync(layer.group_send)(group, message)
            except (OSError, redis.RedisError) as error:
                log.debug("live frame lost", group=group, error=str(error))


def feed_group(workspace_id: int, environment: str) -> str:
    """The group of a workspace's live pages. `environment` is its word: production or development."""
    return f"ws.{workspace_id}.{environment}.feed"


publisher = Publisher()
"""The process's own."""
