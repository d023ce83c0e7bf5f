"""The floor of a miss: a bare Flask view that passes the vendor's audio on as it arrives, by urllib3."""

import json
import os
from collections.abc import Iterator

import urllib3
from flask import Flask, Response, request

from bench.floor import Idle

app = Flask("proxy", static_folder=None)
app.extensions["sayna"] = Idle()
app.config["MAX_BODY_BYTES"] = 2**20  # gunicorn's worker reads it
URL = f"http://127.0.0.1:{os.environ['VENDOR']}/v1/speak?model=m&encoding=linear16&sample_rate=24000"
HEADERS = {"Authorization": "Token key", "Content-Type": "application/json"}
vendors = urllib3.PoolManager(maxsize=64)


@app.get("/")
def health() -> Response:
    """Answer as little as Flask can."""
    return Response(b'{"status":"ok"}', mimetype="application/json")


@app.post("/speak")
def speak() -> Response:
    """Pass a text to the vendor, and its audio back."""
    text = json.loads(request.get_data(cache=False))["text"]
    body = json.dumps({"text": text}).encode()
    reply = vendors.request("POST", URL, body=body, headers=HEADERS, preload_content=False, retries=False)
    return Response(_audio(reply), mimetype="audio/pcm")


def _audio(reply: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    while chunk := reply.read1(65536):
        yield chunk
    reply.release_conn()
