"""Which token of a request counts."""

import pytest

from sayna.auth import read_token
from sayna.errors import NotAuthenticated


@pytest.mark.parametrize(
    ("headers", "keys", "token"),
    [
        (["Bearer a.b-c"], [], "a.b-c"),
        (["bEARER   token"], [], "token"),
        (["Bearer header"], ["query"], "header"),
        (["Basic dXNlcg=="], ["query"], "query"),
        (["Bearer"], ["query"], "query"),
        (["Bearer two words"], ["query"], "query"),
        ([""], ["query"], "query"),
        ([], ["query"], "query"),
        (["Bearer a,b"], [], "a,b"),
        (["Bearer é€\udc80"], [], "é€\udc80"),
    ],
)
def test_header_counts_before_the_query(headers: list[str], keys: list[str], token: str) -> None:
    assert read_token(headers, keys, allow_query=True) == token


@pytest.mark.parametrize(
    ("headers", "keys", "auth_code"),
    [
        ([], [], "missing_auth_header"),
        ([], [" "], "missing_auth_header"),
        ([""], [], "invalid_auth_header"),
        (["Bearer "], [""], "invalid_auth_header"),
        (["token"], [], "invalid_auth_header"),
        (["Basic dXNlcg=="], [], "invalid_auth_header"),
        (["Bearer a b"], [], "invalid_auth_header"),
        (["Bearer a", "Bearer a"], ["query"], "invalid_auth_header"),
        (["Bearer a,Bearer b"], ["query"], "invalid_auth_header"),
        (["Basic eA==, Bearer b"], ["query"], "invalid_auth_header"),
        (["Bearer a"], ["query", "query"], "invalid_auth_header"),
        ([], ["query", "other"], "invalid_auth_header"),
    ],
)
def test_request_is_refused_without_exactly_one_token(headers: list[str], keys: list[str], auth_code: str) -> None:
    with pytest.raises(NotAuthenticated) as caught:
        read_token(headers, keys, allow_query=True)
    assert (caught.value.status, caught.value.auth_code) == (401, auth_code)


def test_query_is_ignored_when_the_setting_is_off() -> None:
    with pytest.raises(NotAuthenticated) as caught:
        read_token([], ["query"], allow_query=False)
    assert caught.value.auth_code == "missing_auth_header"
    assert read_token(["Bearer header"], ["a", "b"], allow_query=False) == "header"
