"""How much is measured: the whole, or a quick look."""

from dataclasses import dataclass

ROUNDS = 3
QUICK_PACE, QUICK_SCALE = 0.3, 0.02


@dataclass(frozen=True, slots=True)
class Size:
    """`pace` shortens what is timed, `scale` shrinks what is filled in before and the backlog; 1 is the whole."""

    rounds: int = ROUNDS
    pace: float = 1.0
    scale: float = 1.0

    def seconds(self, whole: float) -> float:
        """How long to load."""
        return max(0.5, whole * self.pace)

    def batches(self, whole: int) -> int:
        """How many to drain."""
        return max(200, int(whole * self.pace))

    def rows(self, whole: int) -> int:
        """How many are to be there beforehand."""
        return max(500, int(whole * self.scale))


def quick(rounds: int = 1) -> Size:
    """A short look that meets everything once."""
    return Size(rounds, QUICK_PACE, QUICK_SCALE)
