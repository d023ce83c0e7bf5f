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
    ("header_keys", "headers", "keys", "token"),
    [
        (["own"], [], [], "own"),
        (["own"], ["Bearer header"], ["query"], "own"),
        (["own"], ["Basic dXNlcg=="], [], "own"),
        (["own"], ["Digest a, b=c"], ["query"], "own"),
        ([" own "], [], [], "own"),
        ([""], ["Bearer header"], [], "header"),
        (["two words"], ["Bearer header"], [], "header"),
        (["two words"], [], ["query"], "query"),
    ],
)
def test_x_api_key_counts_before_other_tokens(
    header_keys: list[str], headers: list[str], keys: list[str], token: str
) -> None:
    assert read_token(headers, keys, allow_query=True, header_keys=header_keys) == token


@pytest.mark.parametrize(
    ("header_keys", "headers", "keys", "auth_code"),
    [
        ([""], [], [], "missing_auth_header"),
        (["two words"], [], [], "invalid_auth_header"),
        (["a,b"], [], [], "invalid_auth_header"),
        (["a, b"], ["Bearer header"], ["query"], "invalid_auth_header"),
        (["a", "b"], [], [], "invalid_auth_header"),
        (["a"], ["Bearer a", "Bearer b"], [], "invalid_auth_header"),
        (["a"], ["Basic eA==, Bearer b"], [], "invalid_auth_header"),
        (["a"], [], ["b", "c"], "invalid_auth_header"),
    ],
)
def test_x_api_key_is_refused_beside_two_of_one_kind(
    header_keys: list[str], headers: list[str], keys: list[str], auth_code: str
) -> None:
    with pytest.raises(NotAuthenticated) as caught:
        read_token(headers, keys, allow_query=True, header_keys=header_keys)
    assert (caught.value.status, caught.value.auth_code) == (401, auth_code)


@pytest.mark.parametrize("allow_query", [True, False])
def test_missing_token_names_every_way_to_send_one(allow_query: bool) -> None:
    with pytest.raises(NotAuthenticated, match="Authorization: Bearer <token>, or X-API-Key: <token>") as caught:
        read_token([], [], allow_query=allow_query)
    assert ("?api_key=<token>" in caught.value.message) is allow_query


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
