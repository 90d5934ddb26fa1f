"""Deliver what is in the outbox until told to stop; any number of these may run side by side."""

import gc
import threading
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdp_project.kernel.presence import Presence
from cdp_project.kernel.wake import Waiter
from cdp_project.kernel.worker import Worker
from connections.deliver import Deliveries

# Unpacked payloads are many objects without cycles: looking through them all the time costs a tenth of the speed.
GC_THRESHOLDS = (100_000, 50, 100)
# How often the processes count each other.
PRESENCE_EVERY_S = 1.0


class Command(BaseCommand):
    help = "Delivers what waits in the outbox until it is stopped. Several of these share the work."

    def handle(self, **_options: Any) -> None:
        gc.set_threshold(*GC_THRESHOLDS)
        listener = Listener()
        try:
            deliveries = Deliveries(processes=lambda: listener.presence.count)
        except ValueError as error:
            raise CommandError(f"CDP_DELIVERY_ALLOW: {error}") from None
        worker = Worker("deliveries", deliveries.turn, deliveries)
        worker.stop_on_signals()
        listener.start(deliveries)
        try:
            worker.run()
        finally:
            listener.stop()


class Listener:
    """Hears hints in a thread of its own, because the loop waits for sockets."""

    def __init__(self) -> None:
        self.presence = Presence("deliveries")
        self._stopping = threading.Event()
        self._waiter = Waiter("deliveries")

    def start(self, deliveries: Deliveries) -> None:
        threading.Thread(target=self._run, args=(deliveries,), name="hints", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()
        self.presence.leave()

    def _run(self, deliveries: Deliveries) -> None:
        counted_at = float("-inf")
        while not self._stopping.is_set():
            if time.monotonic() - counted_at >= PRESENCE_EVERY_S:
                self.presence.refresh()
                counted_at = time.monotonic()
            self._waiter.wait(PRESENCE_EVERY_S)
            deliveries.hint()
