"""The three stores as tests fill them, each with the settings that make Sayna use it."""

import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.e2e.program import Program
from tests.e2e.servers import answers, free_port, started
from tests.e2e.wire import Address
from tests.programs import needs
from tests.storage.gcs import BUCKET, GCS

VERSITYGW = "CGO_ENABLED=0 GOBIN=$PWD/.tools/bin go install github.com/versity/versitygw/cmd/versitygw@v1.8.0"
ACCESS_KEY, SECRET_KEY = "canary-access", "canary-secret-0123456789"


class Place(ABC):
    """A store that a test looks into from the other side."""

    settings: dict[str, str]

    @abstractmethod
    def put(self, key: str, content: bytes) -> None:
        """Store an object."""

    @abstractmethod
    def get(self, key: str) -> bytes | None:
        """Return an object, or None."""

    def record(self, stream_id: str, content: bytes, **owner: str) -> None:
        """Store a recording under the prefix `calls`, with what `owner.json` says if anything."""
        self.put(f"calls/{stream_id}/audio.ogg", content)
        if owner:
            self.put(f"calls/{stream_id}/owner.json", json.dumps(owner).encode())


class LocalPlace(Place):
    """A folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "calls").mkdir(parents=True)
        # As docs/recordings.md says: open to a group of Sayna, the egress and nginx.
        (root / "calls").chmod(0o2770)
        self.settings = {"RECORDING_LOCAL_PATH": str(root), "RECORDING_PREFIX": "calls"}

    def put(self, key: str, content: bytes) -> None:
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def get(self, key: str) -> bytes | None:
        return (self.root / key).read_bytes() if (self.root / key).is_file() else None


class S3Place(Place):
    """A bucket of a real S3 server."""

    def __init__(self, port: int, bucket: str) -> None:
        self.bucket = bucket
        endpoint = f"http://127.0.0.1:{port}"
        self.settings = {
            "RECORDING_S3_BUCKET": bucket,
            "RECORDING_S3_REGION": "us-east-1",
            "RECORDING_S3_ACCESS_KEY": ACCESS_KEY,
            "RECORDING_S3_SECRET_KEY": SECRET_KEY,
            "RECORDING_S3_ENDPOINT": endpoint,
            "RECORDING_S3_FORCE_PATH_STYLE": "true",
            "RECORDING_PREFIX": "calls",
        }
        self.client: Any = boto3.session.Session().client(
            "s3", region_name="us-east-1", endpoint_url=endpoint, aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY, config=Config(s3={"addressing_style": "path"}),
        )  # fmt: skip
        self.client.create_bucket(Bucket=bucket)

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=key, Body=content)

    def get(self, key: str) -> bytes | None:
        try:
            with self.client.get_object(Bucket=self.bucket, Key=key)["Body"] as body:
                content: bytes = body.read()
                return content
        except self.client.exceptions.NoSuchKey:
            return None


class GCSPlace(Place):
    """The wire-level Google Cloud Storage."""

    def __init__(self, gcs: GCS) -> None:
        self.gcs = gcs
        self.settings = {
            "RECORDING_GCS_BUCKET": BUCKET,
            "RECORDING_GCS_CREDENTIALS_JSON": gcs.account(),
            "RECORDING_GCS_ENDPOINT": gcs.wire.url,
            "RECORDING_PREFIX": "calls",
        }

    def put(self, key: str, content: bytes) -> None:
        self.gcs.put(key, content)

    def get(self, key: str) -> bytes | None:
        return self.gcs.objects[key][0] if key in self.gcs.objects else None


@contextmanager
def s3_server(folder: Path, *, region: str = "us-east-1") -> Iterator[int]:
    """Run a real S3 server over a folder and give its port."""
    program = needs("versitygw", VERSITYGW)
    port, objects = free_port(), folder / "objects"
    objects.mkdir()
    argv = [
        program, "--port", f"127.0.0.1:{port}", "--access", ACCESS_KEY, "--secret", SECRET_KEY, "--quiet",
        "--region", region, "--keep-alive", "posix", "--sidecar", str(folder / "metadata"), str(objects),
    ]  # fmt: skip
    (folder / "metadata").mkdir()
    with started(
        Program(argv, cwd=folder, env={"HOME": str(folder)}, log=folder / "versitygw.log"),
        lambda: answers(Address(port)),
    ):
        yield port
    shutil.rmtree(objects)
