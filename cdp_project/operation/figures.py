"""All figures at one moment: read from the database, and put together from what processes report over Valkey."""

import platform
from collections.abc import Callable, Iterator
from importlib import metadata
from time import monotonic

import django
import psycopg
import redis
from django.conf import settings
from django.utils.module_loading import import_string
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from cdp_project.kernel import clock, reporting
from cdp_project.kernel.database import connect
from cdp_project.kernel.measuring import FAMILIES, SUM, Counter, Gauge, Histogram, Values
from cdp_project.kernel.samples import Samples

# A scraper gets what there is within this time.
STATEMENT_MS_MOST = 2_000
Told = dict[str, dict[Values, float]]


def figures() -> Iterator[Metric]:
    """Everything that can be told; what cannot be asked at the moment is left out, and `…_up` says so."""
    yield _one("tributary_build_info", "Versions, as labels.", 1.0, _versions())
    yield from _of("database", _read_database, psycopg.Error)
    yield from _of("valkey", _read_processes, redis.RedisError)


def _of(store: str, read: Callable[[], list[Metric]], away: type[Exception]) -> Iterator[Metric]:
    began_at = monotonic()
    try:
        found = read()
    except away:
        found = []
    yield _one(f"tributary_{store}_up", f"1 when the {store} answered.", float(bool(found)))
    yield _one(f"tributary_{store}_read_seconds", f"How long reading from the {store} took.", monotonic() - began_at)
    yield from found


def _read_database() -> list[Metric]:
    now = clock.now()
    with connect(autocommit=True, name="tributary metrics") as connection:
        connection.execute(f"SET statement_timeout = {STATEMENT_MS_MOST}")
        return [_family(each) for path in settings.CDP_MEASURES for each in import_string(path)(connection, now)]


def _family(samples: Samples) -> Metric:
    kind = CounterMetricFamily if samples.kind == "counter" else GaugeMetricFamily
    family = kind(samples.name, samples.help_text, labels=samples.labels)
    for values, figure in samples.rows:
        family.add_metric(values, figure)
    return family


def _read_processes() -> list[Metric]:
    with reporting.client() as valkey:
        processes, counted = reporting.processes(valkey), reporting.counted(valkey)
    alive = [process for process in processes if process.is_alive]
    return [_alive(alive), *_counted(counted), *_gauges(reporting.merged_gauges(alive))]


def _alive(alive: list[reporting.Process]) -> Metric:
    family = GaugeMetricFamily("tributary_processes", "Processes that reported within 10 s.", labels=("kind",))
    for kind in sorted({process.kind for process in alive}):
        family.add_metric((kind,), sum(process.kind == kind for process in alive))
    return family


def _counted(counted: Told) -> Iterator[Metric]:
    for family in FAMILIES.values():
        if isinstance(family, Counter):
            told = counted.get(family.name, {} if family.labels else {(): 0.0})
            yield _filled(CounterMetricFamily(family.name, family.help_text, labels=family.labels), told)
        elif isinstance(family, Histogram):
            yield _histogram(family, counted.get(family.name, {}))


def _gauges(merged: Told) -> Iterator[Metric]:
    for family in FAMILIES.values():
        if isinstance(family, Gauge):
            yield _filled(
                GaugeMetricFamily(family.name, family.help_text, labels=family.labels), merged.get(family.name, {})
            )


def _filled(family: CounterMetricFamily | GaugeMetricFamily, told: dict[Values, float]) -> Metric:
    for values, figure in sorted(told.items()):
        family.add_metric(values, figure)
    return family


def _histogram(family: Histogram, told: dict[Values, float]) -> Metric:
    buckets, seen = [], 0.0
    for place, bound in enumerate((*family.bounds, "+Inf")):
        seen += told.get((str(place),), 0.0)
        buckets.append((str(bound), seen))
    return HistogramMetricFamily(family.name, family.help_text, buckets=buckets, sum_value=told.get((SUM,), 0.0))


def _one(name: str, help_text: str, figure: float, labels: dict[str, str] | None = None) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=tuple(labels or ()))
    family.add_metric(tuple((labels or {}).values()), figure)
    return family


def _versions() -> dict[str, str]:
    return {
        "version": metadata.version("tributary") if _is_installed() else "checkout",
        "python": platform.python_version(),
        "django": django.get_version(),
        "psycopg": psycopg.__version__,
    }


def _is_installed() -> bool:
    return any(True for _ in metadata.distributions(name="tributary"))
