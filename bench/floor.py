"""The floors: a bare Flask view with a clip in memory, and one that starts espeak-ng for each request."""

import functools
import subprocess

from flask import Flask, Response, request


class Idle:
    """Stands for the services that gunicorn.conf.py starts in each worker."""

    def start(self) -> None:
        """Begin nothing."""


app = Flask("floor", static_folder=None)
app.extensions["sayna"] = Idle()
app.config["MAX_BODY_BYTES"] = 2**20  # gunicorn's worker reads it
CLIP = bytes(100_000)
TOKEN = b'{"token":"' + bytes(b"x" * 800) + b'"}'


@app.get("/")
def health() -> Response:
    """Answer as little as Flask can."""
    return Response(b'{"status":"ok"}', mimetype="application/json")


@functools.cache
def _zeros(size: int) -> bytes:
    return bytes(size)


@app.get("/bytes/<int:size>")
def some_bytes(size: int) -> Response:
    """Return as many bytes as the catalogue has."""
    return Response(_zeros(size), mimetype="application/json")


@app.post("/speak")
def speak() -> Response:
    """Take the body, return 100 kB."""
    request.get_data(cache=False)
    return Response(CLIP, mimetype="audio/pcm")


@app.post("/livekit/token")
def token() -> Response:
    """Take the body, return as many bytes as a token's answer has."""
    request.get_data(cache=False)
    return Response(TOKEN, mimetype="application/json")


@app.post("/espeak")
def espeak() -> Response:
    """Start `espeak-ng --stdout`, as a first draft of a speech service would."""
    text = request.get_json()["text"]
    run = subprocess.run(["espeak-ng", "--stdout", "-v", "en-us", "--", text], capture_output=True, check=True)
    return Response(run.stdout, mimetype="audio/wav")
