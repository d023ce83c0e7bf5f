import json
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from sayna import http
from tests.blueprints.conftest import MakeClient
from tests.blueprints.rooms import AUTH
from tests.blueprints.telephones import drop, listed, save

URL = "https://93.184.216.34/hook"
FIXED = {
    "SIP_HOOK_SECRET": "0123456789abcdef",
    "SIP_HOOKS_JSON": json.dumps([{"host": "fixed.example.com", "url": URL, "auth_id": "a"}]),
}


def failed(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


def hook(host: str, url: str = URL, auth_id: str | None = "") -> dict[str, Any]:
    return {"host": host, "url": url, "auth_id": auth_id}


def test_hooks_are_saved_replaced_and_removed_in_order_of_host(client: FlaskClient) -> None:
    assert listed(client) == []
    answer = save(client, hook(" B.Example.com. "), hook("a.example.com", auth_id="x"))
    assert (answer.status_code, answer.get_json()) == (
        200,
        {"hooks": [hook("a.example.com", auth_id="x"), hook("b.example.com")]},
    )
    assert save(client, hook("b.example.com", URL + "2")).get_json()["hooks"][1]["url"] == URL + "2"
    assert drop(client, "A.example.com", "unknown.example.com").get_json()["hooks"] == listed(client)
    assert [each["host"] for each in listed(client)] == ["b.example.com"]
    assert save(client).get_json()["hooks"] == listed(client)


def test_hooks_are_in_one_private_file_for_all_workers(make_client: MakeClient, tmp_path: Path) -> None:
    first, second = make_client(**FIXED), make_client(**FIXED)
    save(first, hook("a.example.com"))
    assert [each["host"] for each in listed(second)] == ["a.example.com", "fixed.example.com"]
    drop(second, "a.example.com")
    assert [each["host"] for each in listed(first)] == ["fixed.example.com"]
    file = tmp_path / "cache" / "sip_hooks.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text()) == []
    assert not list(file.parent.glob("*.tmp"))


def test_tenants_see_and_touch_only_their_own_hooks(make_client: MakeClient) -> None:
    client = make_client(**AUTH, **FIXED)
    assert save(client, hook("one.example.com", auth_id="a"), tenant="a").status_code == 200
    assert [each["host"] for each in listed(client, "a")] == ["fixed.example.com", "one.example.com"]
    assert listed(client, "b") == []
    assert failed(save(client, hook("one.example.com", auth_id="b"), tenant="b")) == (409, "HOOK_TAKEN")
    assert failed(save(client, hook("two.example.com", auth_id="a"), tenant="b")) == (
        403,
        "HOOK_ACCESS_DENIED",
    )
    for nobody in ("", " ", None):
        answer = save(client, hook("two.example.com", auth_id=nobody), tenant="b")
        assert failed(answer) == (400, "INVALID_REQUEST")
    assert drop(client, "one.example.com", tenant="b").get_json() == {"hooks": []}
    assert len(listed(client, "a")) == 2
    assert client.get("/sip/hooks").status_code == 401


def test_removal_of_a_foreign_hook_answers_like_a_missing_one(make_client: MakeClient, tmp_path: Path) -> None:
    client = make_client(**AUTH)
    save(client, hook("one.example.com", auth_id="a"), tenant="a")
    save(client, hook("mine.example.com", auth_id="b"), tenant="b")
    file = tmp_path / "cache" / "sip_hooks.json"
    before = file.stat()
    theirs = drop(client, "one.example.com", tenant="b")
    nobodys = drop(client, "two.example.com", tenant="b")
    assert (theirs.status_code, theirs.data) == (nobodys.status_code, nobodys.data)
    assert [each["host"] for each in theirs.get_json()["hooks"]] == ["mine.example.com"]
    assert [*theirs.headers.keys()] == [*nobodys.headers.keys()]
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert drop(client, "one.example.com", "mine.example.com", tenant="b").get_json() == {"hooks": []}
    assert len(listed(client, "a")) == 1


def test_hooks_of_the_configuration_cannot_be_changed(make_client: MakeClient) -> None:
    client = make_client(**FIXED)
    for answer in (save(client, hook("Fixed.example.com")), drop(client, "fixed.example.com.")):
        assert failed(answer) == (405, "HOOK_IMMUTABLE")
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
        assert "fixed.example.com" in answer.get_json()["error"]
    assert len(listed(client)) == 1
    assert client.put("/sip/hooks").headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize(
    "hooks",
    [
        [hook("a.example.com"), hook("A.example.com.")],
        [hook("")],
        [hook("a b")],
        [hook("a@b")],
        [hook("*.example.com")],
        [hook("exämple.com")],
        [hook("a.example.com:5060")],
        [{"host": "a.example.com"}],
        [{"url": URL}],
        ["x"],
        "x",
        [hook("a.example.com", auth_id="x" * 257)],
        [hook(f"{number}.example.com") for number in range(101)],
        [hook(f"{number}.example.com") for number in range(1001)],
    ],
)
def test_hooks_are_checked_and_saved_all_or_none(client: FlaskClient, hooks: Any) -> None:
    answer = client.post("/sip/hooks", json={"hooks": hooks})
    assert failed(answer) == (400, "INVALID_REQUEST")
    assert listed(client) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://93.184.216.34/",
        "ftp://93.184.216.34/",
        "https://user:pw@93.184.216.34/",
        "https://user@93.184.216.34/",
        "https:///x",
        "https://93.184.216.34/#x",
        "https://93.184.216.34\\@127.0.0.1/",
        "https://①②⑦.⓪.⓪.①/",
        "https://x y/",
        "https://93.184.216.34:99999/",
        "https://93.184.216.34:0/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://0/",
        "https://[::1]/",
        "https://[::ffff:7f00:1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[2001::1]/",
        "https://[fec0::1]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://224.0.0.1/",
        "https://169.254.169.254/latest",
        "https://10.0.0.1/",
        "https://100.64.0.1/",
        "https://192.168.0.1/",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://x.local/",
        "https://metadata.google.internal/",
        "https://93.184.216.34/" + "x" * 2048,
    ],
)
def test_hooks_lead_to_the_internet_only(client: FlaskClient, url: str) -> None:
    assert failed(save(client, hook("a.example.com", url))) == (400, "INVALID_REQUEST")
    assert listed(client) == []


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "8.8.8.8"])
def test_public_addresses_are_recognized(address: str) -> None:
    assert http.is_public(address)
    assert not http.is_public("nonsense")
    assert not http.is_public("fe80::1%eth0")


def test_private_hooks_are_allowed_on_request(make_client: MakeClient) -> None:
    client = make_client(SIP_HOOK_ALLOW_PRIVATE="true")
    assert save(client, hook("a.example.com", "http://10.0.0.1:8080/x")).status_code == 200
    assert save(client, hook("a.example.com", "ftp://10.0.0.1/")).status_code == 400


def test_name_that_does_not_resolve_may_be_saved(client: FlaskClient) -> None:
    assert save(client, hook("a.example.com", "https://no-such-name.invalid/hook")).status_code == 200


@pytest.mark.parametrize("body", [{}, {"hosts": []}, {"hosts": [""]}, {"hosts": "x"}, {"hosts": [1]}])
def test_removal_names_hosts(client: FlaskClient, body: Any) -> None:
    assert failed(client.delete("/sip/hooks", json=body)) == (400, "INVALID_REQUEST")


def test_without_a_place_hooks_are_listed_but_not_changed(make_client: MakeClient) -> None:
    client = make_client(CACHE_PATH="", **FIXED)
    assert len(listed(client)) == 1
    assert failed(save(client, hook("a.example.com"))) == (500, "HOOKS_NOT_STORED")
    assert failed(drop(client, "a.example.com")) == (500, "HOOKS_NOT_STORED")


@pytest.mark.parametrize("junk", [b"junk", b"{}", b'["x"]', b'[{"host": 1, "url": "x"}]', b"[" * 100_000, b"\xff"])
def test_damaged_file_is_kept_and_never_overwritten(make_client: MakeClient, tmp_path: Path, junk: bytes) -> None:
    client = make_client(**FIXED)
    save(client, hook("a.example.com"))
    file = tmp_path / "cache" / "sip_hooks.json"
    assert len(listed(client)) == 2
    file.write_bytes(junk)
    assert len(listed(client)) == 2
    for _ in range(2):
        assert failed(save(client, hook("b.example.com"))) == (500, "HOOKS_NOT_STORED")
    assert failed(drop(client, "a.example.com")) == (500, "HOOKS_NOT_STORED")
    assert file.read_bytes() == junk
    [aside] = file.parent.glob("sip_hooks.json.corrupt-*")
    assert aside.read_bytes() == junk
    file.unlink()
    assert save(client, hook("b.example.com")).status_code == 200


def test_reference_s_file_is_read(make_client: MakeClient, tmp_path: Path) -> None:
    file = tmp_path / "cache" / "sip_hooks.json"
    file.parent.mkdir(mode=0o700)
    file.write_text(f'[{{"host": "a.example.com", "url": "{URL}"}}]')
    assert listed(make_client()) == [hook("a.example.com", auth_id="default")]


def test_tenant_with_too_many_stored_hooks_limits_no_other(make_client: MakeClient, tmp_path: Path) -> None:
    file = tmp_path / "cache" / "sip_hooks.json"
    client = make_client(**AUTH, **FIXED)
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps([hook(f"h{number}.example.com", auth_id="a") for number in range(101)]))
    assert save(client, hook("one.example.com", auth_id="b"), tenant="b").status_code == 200
    assert failed(save(client, hook("two.example.com", auth_id="a"), tenant="a")) == (400, "INVALID_REQUEST")


def test_folder_that_cannot_be_written_changes_nothing(make_client: MakeClient, tmp_path: Path) -> None:
    client = make_client()
    (tmp_path / "cache" / "sip_hooks.json").mkdir()
    assert failed(save(client, hook("a.example.com"))) == (500, "HOOKS_NOT_STORED")
    assert not list((tmp_path / "cache").glob("*.tmp"))


def test_parallel_changes_are_all_there(make_client: MakeClient) -> None:
    clients = [make_client(**AUTH) for _ in range(4)]
    together = threading.Barrier(20)

    def put(number: int) -> int:
        together.wait()
        tenant = "ab"[number % 2]
        return save(clients[number % 4], hook(f"{number}.example.com", auth_id=tenant), tenant=tenant).status_code

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(put, range(20))) == {200}
    assert sum(len(listed(clients[0], tenant)) for tenant in "ab") == 20
