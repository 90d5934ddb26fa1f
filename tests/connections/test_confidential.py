"""What is secret in itself is hidden in a partner's answer, whoever it belongs to; what tells of the fault stays."""

import pytest

from connections.redact import sample


@pytest.mark.parametrize(
    ("answer", "hidden"),
    [
        ('{"api_key":"sk_live_abcdefgh12345678","ok":true}', "sk_live_abcdefgh12345678"),
        ('{"password": "hunter2hunter2"}', "hunter2hunter2"),
        ("{'secret': 'x y z'}", "x y z"),
        ('{"user_password" : 12345}', "12345"),
        ("Authorization: Bearer abc.def-ghi", "abc.def-ghi"),
        ("https://hooks.example.com/?api_key=zzz&page=2", "zzz"),
        ("https://user:pass@hooks.example.com/", "user:pass"),
        ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln", "eyJzdWIiOiIxMjM0In0"),
        ("card 4111 1111 1111 1111 was declined", "4111 1111 1111 1111"),
        ("call +49 171 1234567", "171 1234567"),
        ("a key like sk_live_abcdefgh12345678", "abcdefgh12345678"),
    ],
)
def test_secrets_of_anybody_are_hidden(answer: str, hidden: str) -> None:
    assert hidden not in sample(answer.encode(), [])


@pytest.mark.parametrize(
    "answer",
    [
        '{"error":"invalid token","message":"status: bad, id=77","time":1700000000000}',
        "Too many requests: limit is 100 per second, retry in 30 s",
        "unknown field event_type at line 3, column 17",
    ],
)
def test_what_tells_of_the_fault_stays(answer: str) -> None:
    assert sample(answer.encode(), []) == answer
