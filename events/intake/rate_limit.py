"""Limits of an input on batches, counted in Valkey for all processes together. Without Valkey nothing is limited."""

import time
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import redis
import structlog
from django.conf import settings

from events.intake.keys import KeyHolder
from events.intake.refusals import over_limit

log = structlog.get_logger(__name__)

BASELINE_MINUTES = 10
TIMEOUT_S = 0.25
AVOIDED_S = 1.0  # so that a Valkey that hangs costs one time-out a second, not one a request

# One step, so that processes cannot pass the limit together. A request is never larger than an empty window.
# KEYS: this second, this minute, the ten minutes before, oldest first. ARGV: batches, both limits (0 for none).
# Answers with what refuses ("" for nothing) and both shares in per cent.
_SCRIPT = """
local batches, speed_most, acceleration_most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local second = tonumber(redis.call('GET', KEYS[1]) or '0')
local minute = tonumber(redis.call('GET', KEYS[2]) or '0')
local speed, acceleration = 0, 0
if speed_most > 0 then
  if second > 0 and second + batches > speed_most then return {'speed', 100, 0} end
  speed = 100 * (second + batches) / speed_most
end
if acceleration_most > 0 then
  local total, minutes = 0, 0
  for place = 3, #KEYS do
    local count = tonumber(redis.call('GET', KEYS[place]) or '0')
    total = total + count
    if total > 0 then minutes = minutes + 1 end
  end
  if total > 0 then
    acceleration = 100 * (minute + batches) * minutes / total / acceleration_most
    if acceleration > 100 then return {'acceleration', 0, 100} end
  end
end
redis.call('INCRBY', KEYS[1], batches)
redis.call('EXPIRE', KEYS[1], 10)
redis.call('INCRBY', KEYS[2], batches)
redis.call('EXPIRE', KEYS[2], 900)
return {'', math.floor(math.min(speed, 100)), math.floor(math.min(acceleration, 100))}
"""


@dataclass
class _Health:
    """Until when Valkey is left alone after it failed."""

    avoid_until: float = 0.0


_health = _Health()


@cache
def _client(url: str) -> "redis.Redis":
    return redis.Redis.from_url(url, socket_connect_timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S)


def take(holder: KeyHolder, batches: int, now: datetime) -> int | None:
    """Count the batches; the larger used share in per cent, None without a limit (reference 2.1.2, EV 10).

    Raises IntakeRefusal 429 when a limit would be passed. Refused batches do not count.
    """
    if not holder.is_limited:
        return None
    answer = _ask(holder, batches, now)
    if answer is None:
        return None
    refused_by, speed, acceleration = answer
    if refused_by == b"speed":
        message = f"The input takes {holder.batches_per_second_most} batches a second; send again a second later."
        raise over_limit("feed" if holder.is_feed else "app", message, after_s=1)
    if refused_by == b"acceleration":
        message = f"This minute is {holder.acceleration_most} times the mean of the last ten; send again next minute."
        raise over_limit("acceleration", message, after_s=60 - now.second)
    return max(speed, acceleration)


def _ask(holder: KeyHolder, batches: int, now: datetime) -> tuple[bytes, int, int] | None:
    if time.monotonic() < _health.avoid_until:
        return None
    limits = holder.batches_per_second_most or 0, holder.acceleration_most or 0
    keys = _keys(holder.input_id, int(now.timestamp()))
    try:
        refused_by, speed, acceleration = _client(settings.REDIS_URL).eval(_SCRIPT, len(keys), *keys, batches, *limits)
    except redis.RedisError as error:
        _health.avoid_until = time.monotonic() + AVOIDED_S
        log.warning("rate limits not counted", error=str(error))
        return None
    return refused_by, speed, acceleration


def _keys(input_id: int, second: int) -> list[str]:
    minute = second // 60
    minutes = [minute, *range(minute - BASELINE_MINUTES, minute)]
    return [f"rate:{input_id}:s:{second}", *(f"rate:{input_id}:m:{each}" for each in minutes)]
