"""Every benchmark says what it measures and against what; together they cover the table of targets."""

import json
from collections.abc import Iterator

import pytest

from tests.benchmarks import report
from tests.benchmarks.asker import is_complete
from tests.benchmarks.bodies import STAMP, Bodies, stamped
from tests.benchmarks.cell import CELLS, Cell, Figure, NoFigure, or_why
from tests.benchmarks.cells import backlog
from tests.benchmarks.cpu import Spent
from tests.benchmarks.draining import Drain
from tests.benchmarks.load import LOST, Load, percentile
from tests.benchmarks.machine import Noise
from tests.benchmarks.rounds import Measured
from tests.benchmarks.targets import ROWS, least, most


@pytest.mark.parametrize("key", list(CELLS))
def test_a_benchmark_says_what_it_measures_and_against_what(key: str) -> None:
    cell = CELLS[key]
    assert cell.measures
    assert cell.unit
    assert cell.target
    assert set(cell.rows) <= set(ROWS)


def test_every_target_is_measured_unless_its_subject_does_not_exist() -> None:
    measured = {row for cell in CELLS.values() for row in cell.rows}
    assert measured == {key for key, row in ROWS.items() if not row.waits_for}
    assert all(row.numbers or row.waits_for for row in ROWS.values())


def test_no_two_benchmarks_share_their_place_in_the_order() -> None:
    assert len({cell.order for cell in CELLS.values()}) == len(CELLS)


def test_a_ratio_of_one_and_more_is_a_target_that_is_met() -> None:
    assert least(100).ratio(150) == most(150).ratio(100) == 1.5
    assert least(100).ratio(50) == most(50).ratio(100) == 0.5


def test_bodies_differ_in_every_id_and_keep_their_length() -> None:
    bodies = Bodies(3, people=2)
    first, second = (bodies.body(0, b"1700000000000001"), bodies.body(0, b"1700000000000002"))
    assert len(first) == len(second) == len(bodies.template(0))
    ids = [{event["data"]["source_message_id"] for event in json.loads(each)["events"]} for each in (first, second)]
    assert len(ids[0] | ids[1]) == 6
    assert json.loads(first)["source_request_id"] != json.loads(second)["source_request_id"]
    assert json.loads(first)["user_identities"] == json.loads(second)["user_identities"]


def test_stamped_requests_carry_their_length_and_no_stamp_twice() -> None:
    requests = stamped(Bodies(1, people=5).requests("key", "secret", 3))
    made = [next(requests) for _ in range(7)]
    assert len(set(made)) == 7
    for request in made:
        head, _, body = request.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        assert STAMP not in body


def test_an_answer_is_complete_with_its_body() -> None:
    assert is_complete(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
    assert is_complete(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
    assert not is_complete(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{")
    assert not is_complete(b"HTTP/1.1 202 Accepted\r\nContent-")


def test_a_load_with_another_answer_or_none_is_no_figure() -> None:
    load = Load(wanted=202)
    load.note(202, 0.5)
    assert load.check() is load
    load.note(LOST, 0)
    with pytest.raises(NoFigure, match="besides 1 good"):
        load.check()
    with pytest.raises(NoFigure):
        Load().check()


def test_percentiles_of_few_and_none() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 3.0
    assert percentile([1.0], 0.99) == 1.0
    assert percentile([], 0.5) == 0.0


def measured(*rounds: list[Figure]) -> Measured:
    cell = Cell("made", "what was made up", "events/s", lambda _: [], aim="none")
    return Measured(cell, list(rounds), [Noise(0.5, 10.0, 0.1)] * len(rounds), [1.0] * len(rounds))


def rate(value: float | None, note: str = "") -> list[Figure]:
    return [Figure("rate", value, "events/s", least(100), note=note)]


def test_the_median_of_the_rounds_stands_beside_its_target() -> None:
    (line,) = report.lines_of(measured(rate(90.0), rate(250.0), rate(110.0)))
    assert (line.median, line.ratio) == (110.0, 1.1)
    assert line.spread == pytest.approx(160 / 110)
    assert report.is_whole([measured(rate(90.0))])


def test_one_round_that_misses_an_event_leaves_no_figure() -> None:
    found = measured(rate(90.0), rate(None, "no figure: 1 of 9 events is missing"), rate(110.0))
    (line,) = report.lines_of(found)
    assert line.median is None
    assert "1 of 9 events" in report.table([found])
    assert not report.is_whole([found])


def test_a_round_that_broke_leaves_no_figure() -> None:
    found = measured(rate(90.0), [], rate(110.0))
    assert [line.median for line in report.lines_of(found)] == [None]
    assert not report.is_whole([found])


def test_what_is_missing_is_told_and_the_others_go_on() -> None:
    def lost() -> Iterator[Figure]:
        yield Figure("rate", 5.0, "events/s")
        raise NoFigure("2 of 9 events are missing")

    assert list(or_why("rate", "events/s", lost)) == [
        Figure("rate", None, "events/s", note="no figure: 2 of 9 events are missing")
    ]


def test_the_json_has_every_value_of_every_round() -> None:
    told = json.loads(report.as_json([measured(rate(90.0), rate(110.0))], {"revision": "abc"}))
    (cell,) = told["cells"]
    assert told["about"] == {"revision": "abc"}
    assert cell["figures"][0]["values"] == [90.0, 110.0]
    assert len(cell["noise"]) == 2


def test_rates_and_cpu_of_the_parts_of_a_drain_lie_on_straight_lines() -> None:
    marks = [(1.0, 100), (3.0, 200), (4.0, 400)]
    spent = [(Spent({"a": 1.0}), 0), (Spent({"a": 3.0}), 200), (Spent({"a": 7.0}), 400)]
    found = Drain(400, seconds=4.0, marks=marks, spent=spent)
    assert backlog.rates_of(found, 4) == pytest.approx([100, 50, 200, 200])
    assert [each.total for each in backlog.cpu_of(found, 4)] == pytest.approx([10, 10, 20, 20])
