"""Process what was accepted until told to stop; any number of these may run side by side."""

from typing import Any

from django.core.management.base import BaseCommand

from cdp_project.kernel.garbage import collect_rarely
from cdp_project.kernel.wake import Waiter
from cdp_project.kernel.worker import Worker
from events.processing.isolation import INFRASTRUCTURE
from events.processing.runner import Runner


class Command(BaseCommand):
    help = "Processes accepted batches until it is stopped. Several of these share the work."

    def handle(self, **_options: Any) -> None:
        runner = Runner()
        collect_rarely()
        worker = Worker("pipeline", runner.turn, Waiter("pipeline"), waits_out=INFRASTRUCTURE)
        worker.stop_on_signals()
        try:
            worker.run()
        finally:
            runner.close()
