"""One supervised process: start it, keep it running, stop it, leave nothing of it behind."""

import asyncio
import os
import signal
import time

from cdp_project.embedded.errors import StartError
from cdp_project.embedded.guarded import Guarded
from cdp_project.embedded.output import Output, Tail
from cdp_project.embedded.program import Program

FIRST_PAUSE_SECONDS = 0.5
# After this long a process counts as healthy, and its next failure as the first.
HEALTHY_AFTER_SECONDS = 60.0
POLL_SECONDS = 0.03
# A process whose mark does not come (a log level hides it) counts as running when it has lived this long.
RUNS_AFTER_SECONDS = 5.0
SAY_WAITING_AFTER_SECONDS = 3.0
LAST_WORDS_MAY_TAKE_SECONDS = 1.0
FAILURES_BEFORE_GIVING_UP = 4


def pause_seconds(failures: int, longest: float) -> float:
    """How long to wait before the next start after so many failures in a row; doubles up to a bound."""
    return float(min(FIRST_PAUSE_SECONDS * 2 ** min(failures - 1, 16), longest))


class Child:
    """Keeps one program running until `stop`."""

    def __init__(self, program: Program, guarded: Guarded, output: Output) -> None:
        self.program = program
        self.tail = Tail(program.mute, program.ready_mark)
        self.failures = 0
        self.pid: int | None = None
        self._began = time.monotonic()
        self._guarded = guarded
        self._output = output
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_running(), name=self.program.name)

    async def wait_ready(self) -> None:
        """Return when the program says that it is ready, however long that takes. Raises StartError."""
        since, told = time.monotonic(), False
        while not await self._is_ready():
            self._raise_if_hopeless()
            if not told and time.monotonic() - since > SAY_WAITING_AFTER_SECONDS:
                self._output.line(self.program.name, self.program.slow_hint)
                told = True
            await asyncio.sleep(POLL_SECONDS)

    async def stop(self, *, hurry: bool = False) -> None:
        """End the process: politely, then firmly; returns when nothing of it is left."""
        self._stopping.set()
        if self._task is None:
            return
        patience = self.program.hurried_stop_seconds if hurry else self.program.stop_seconds
        polite = [(self.program.stop_signal, patience)] if patience else []
        if self.program.second_signal:
            polite.append((self.program.second_signal, 5.0))
        for number, seconds in (*polite, (signal.SIGKILL, 5.0)):
            self._send(number)
            if (await asyncio.wait({self._task}, timeout=seconds))[0]:
                break
        if self._task.done():
            self._task.result()

    def _send(self, number: signal.Signals) -> None:
        if self.pid is not None:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    async def _is_ready(self) -> bool:
        pid, asks = self.pid, self.program.is_ready
        if pid is None:
            return False
        seen = self.tail.mark_seen or time.monotonic() - self._began > RUNS_AFTER_SECONDS
        return seen and (asks is None or await asyncio.to_thread(asks, pid))

    async def _keep_running(self) -> None:
        while not self._stopping.is_set():
            self._began = time.monotonic()
            status = await self._run_once()
            if self._stopping.is_set():
                return
            lived = time.monotonic() - self._began
            self.failures = 1 if lived > HEALTHY_AFTER_SECONDS else self.failures + 1
            pause = pause_seconds(self.failures, self.program.longest_pause_seconds)
            self._output.line(self.program.name, f"ended ({ending(status)}); next start in {pause:g} s")
            await self._pause(pause)

    async def _run_once(self) -> int:
        if self.program.before:
            await asyncio.to_thread(self.program.before)
        reading, writing = os.pipe()
        process = await self._guarded.spawn(self.program, output=writing)
        os.close(writing)
        self.pid = process.pid
        if self._stopping.is_set():
            self._send(self.program.stop_signal)
        following = asyncio.create_task(self.tail.follow_pipe(reading, self._output, self.program.name))
        status = await process.wait()
        self.pid = None
        # What it left holds the pipe open.
        self._guarded.sweep(process.pid)
        await asyncio.wait({following}, timeout=LAST_WORDS_MAY_TAKE_SECONDS)
        following.cancel()
        return status

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    def _raise_if_hopeless(self) -> None:
        if self._task and self._task.done():
            self._task.result()
        if self.failures >= FAILURES_BEFORE_GIVING_UP:
            said = self.tail.last("FATAL", "Error", "error")
            raise StartError(f"{self.program.name} does not start: {said or 'it ended without a word'}")


def ending(status: int) -> str:
    """An exit status in words."""
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit code {status}"
