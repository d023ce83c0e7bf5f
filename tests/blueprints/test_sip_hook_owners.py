"""The owner of a hook is a tenant id; hooks that were stored under older rules still load."""

import json
from pathlib import Path

from flask.testing import FlaskClient

from tests.blueprints.telephones import listed, save
from tests.blueprints.test_sip_hooks import failed, hook


def test_auth_id_has_the_shape_of_a_tenant_id(client: FlaskClient) -> None:
    for bad in ("a b", "x" * 129, "x" * 300, "-a", "é", "a\nb", "a/b", "a\u200bb", '{"id":"a"}'):
        answer = save(client, hook("a.example.com", auth_id=bad))
        assert failed(answer) == (400, "INVALID_REQUEST")
        assert "auth_id must be a tenant id" in answer.get_json()["error"]
    for good in ("", " ", "a", "x" * 128, "a.b_c:d@e-f", " padded "):
        assert save(client, hook("a.example.com", auth_id=good)).get_json()["hooks"][0]["auth_id"] == good.strip()


def test_stored_auth_id_of_another_shape_still_loads(client: FlaskClient, tmp_path: Path) -> None:
    assert save(client, hook("a.example.com")).status_code == 200
    [file] = (tmp_path / "cache").rglob("sip_hooks.json")
    old = [hook("old.example.com", auth_id="a b"), hook("older.example.com", auth_id="x" * 300)]
    file.write_text(json.dumps(old))
    assert listed(client) == old
    assert save(client, hook("new.example.com")).status_code == 200
    assert listed(client) == [hook("new.example.com"), *old]
