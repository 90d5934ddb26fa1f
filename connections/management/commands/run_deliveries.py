"""Deliver what is in the outbox until told to stop; any number of these may run side by side."""

import gc
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdp_project.kernel.presence import Presence
from cdp_project.kernel.reporting import Reporter
from cdp_project.kernel.wake import Waiter
from cdp_project.kernel.worker import Worker
from connections.deliver import Deliveries

# Unpacked payloads are many objects without cycles: looking through them all the time costs a tenth of the speed.
GC_THRESHOLDS = (100_000, 50, 100)
# Without a hint.
LOOK_EVERY_S = 1.0


class Command(BaseCommand):
    help = "Delivers what waits in the outbox until it is stopped. Several of these share the work."
    # They would load every page and every address.
    requires_system_checks = []

    def handle(self, **_options: Any) -> None:
        gc.set_threshold(*GC_THRESHOLDS)
        presence = Presence("deliveries")
        try:
            deliveries = Deliveries(processes=lambda: presence.count)
        except ValueError as error:
            raise CommandError(f"CDP_DELIVERY_ALLOW: {error}") from None
        worker = Worker("deliveries", deliveries.turn, deliveries)
        worker.stop_on_signals()
        presence.start()
        reporter = Reporter("deliveries").start()
        threading.Thread(target=hear, args=(deliveries,), name="hints", daemon=True).start()
        try:
            worker.run()
        finally:
            presence.leave()
            reporter.stop()


def hear(deliveries: Deliveries) -> None:
    """Pass hints on for ever. In a thread of its own, because the loop waits for sockets."""
    waiter = Waiter("deliveries")
    while True:
        waiter.wait(LOOK_EVERY_S)
        deliveries.hint()
