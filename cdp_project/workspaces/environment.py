"""The two worlds that never touch: production and development."""

from enum import IntEnum


class Environment(IntEnum):
    """Part of every per-person key; the numbers are stored."""

    PRODUCTION = 1
    DEVELOPMENT = 2

    @property
    def word(self) -> str:
        """As the wire and the addresses spell it."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str | None) -> "Environment | None":
        """From `production` or `development`; None for anything else."""
        return _BY_WORD.get(word or "")


_BY_WORD = {member.word: member for member in Environment}
ENVIRONMENT_CHOICES = [(member.value, member.word.capitalize()) for member in Environment]
