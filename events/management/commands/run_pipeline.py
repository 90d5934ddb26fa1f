"""Process what was accepted until told to stop; any number of these may run side by side."""

from typing import Any

from django.core.management.base import BaseCommand

from cdp_project.kernel.garbage import collect_rarely
from cdp_project.kernel.presence import Presence
from cdp_project.kernel.reporting import Reporter
from cdp_project.kernel.wake import Waiter
from cdp_project.kernel.worker import Worker
from events.processing.isolation import INFRASTRUCTURE
from events.processing.runner import Runner


class Command(BaseCommand):
    help = "Processes accepted batches until it is stopped. Several of these share the work."
    # They would load every page and every address.
    requires_system_checks = []

    def handle(self, **_options: Any) -> None:
        presence = Presence("pipeline")
        runner = Runner(processes=lambda: presence.count)
        collect_rarely()
        worker = Worker("pipeline", runner.turn, Waiter("pipeline"), waits_out=INFRASTRUCTURE)
        worker.stop_on_signals()
        presence.start()
        reporter = Reporter("pipeline").start()
        try:
            worker.run()
        finally:
            presence.leave()
            reporter.stop()
            runner.close()
