"""Where LiveKit's egress stores a recording; loaded with rpc.py, because it imports livekit-api."""

from livekit import api

from sayna.config import RecordingConfig


def output(filepath: str, place: RecordingConfig) -> api.EncodedFileOutput:
    """Return an OGG file at this path: in the recordings' store, with its credentials, or on the disk of the egress."""
    file = api.EncodedFileOutput(file_type=api.EncodedFileType.OGG, filepath=filepath)
    if place.backend == "s3":
        file.s3.CopyFrom(_s3(place))
    if place.backend == "gcs":
        file.gcp.CopyFrom(api.GCPUpload(credentials=_account(place), bucket=place.gcs_bucket or ""))
    return file


def _s3(place: RecordingConfig) -> api.S3Upload:
    """Return the upload; without keys the egress finds its own, as boto3 does here."""
    return api.S3Upload(
        access_key=place.s3_access_key.reveal() if place.s3_access_key else "",
        secret=place.s3_secret_key.reveal() if place.s3_secret_key else "",
        session_token=place.s3_session_token.reveal() if place.s3_session_token else "",
        region=place.s3_region,
        endpoint=place.s3_endpoint or "",
        bucket=place.s3_bucket or "",
        force_path_style=place.s3_force_path_style,
    )


def _account(place: RecordingConfig) -> str:
    if place.gcs_credentials_json:
        return place.gcs_credentials_json.reveal()
    return place.gcs_credentials_path.read_text("utf-8") if place.gcs_credentials_path else ""
