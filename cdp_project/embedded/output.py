"""The supervisor's terminal: one line at a time, with the name of the process that said it."""

import asyncio
import sys
from collections import deque
from typing import TextIO

COLOURS = (36, 32, 35, 33, 34, 96, 92, 95)
NAME_WIDTH = 10
LINE_LIMIT_BYTES = 64 * 1024
REMEMBERED_LINES = 20


class Output:
    """Where lines go: a terminal in colour, anything else without."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._colour_of: dict[str, int] | None = {} if self._stream.isatty() else None

    def line(self, name: str, text: str) -> None:
        """Print one line under a name."""
        self.plain(f"{self._paint(name)} {text}")

    def plain(self, text: str) -> None:
        """Print text as it is. A terminal that went away is no reason to end."""
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except (BrokenPipeError, OSError):
            self._stream = open("/dev/null", "w", encoding="utf-8")  # noqa: SIM115, PTH123

    def _paint(self, name: str) -> str:
        label = f"{name:<{NAME_WIDTH}}|"
        if self._colour_of is None:
            return label
        colour = self._colour_of.setdefault(name, COLOURS[len(self._colour_of) % len(COLOURS)])
        return f"\x1b[{colour}m{label}\x1b[0m"


class Tail:
    """The last lines that a process printed, for the sentence that explains its end."""

    def __init__(self, mute: tuple[str, ...] = (), mark: str = "") -> None:
        self._mute, self._mark = mute, mark
        self.mark_seen = not mark
        self.lines: deque[str] = deque(maxlen=REMEMBERED_LINES)

    async def follow_pipe(self, descriptor: int, output: Output, name: str) -> None:
        """`follow` on the reading end of a pipe, which is closed at the end."""
        stream = asyncio.StreamReader(limit=LINE_LIMIT_BYTES)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream),
            open(descriptor, "rb", buffering=0),  # noqa: SIM115
        )
        try:
            await self.follow(stream, output, name)
        finally:
            transport.close()

    async def follow(self, stream: asyncio.StreamReader, output: Output, name: str) -> None:
        """Print and remember every line until the stream ends; a line without end is cut."""
        while text := await _read_line(stream):
            said = text.decode("utf-8", "replace").rstrip("\r\n")
            self.lines.append(said)
            self.mark_seen = self.mark_seen or self._mark in said
            if said and not any(part in said for part in self._mute):
                output.line(name, said)

    def last(self, *marks: str) -> str:
        """The newest line with one of the marks, else the newest, else nothing."""
        marked = [line for line in self.lines if any(mark in line for mark in marks)]
        return next(reversed(marked or self.lines), "")


async def _read_line(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError:
        return await stream.read(LINE_LIMIT_BYTES)
