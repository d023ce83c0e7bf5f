import subprocess
import sys

HEAVY = ("boto3", "botocore", "jwt", "cryptography", "soundfile")


def test_importing_all_providers_loads_no_vendor_library() -> None:
    code = f"import sys, sayna.providers; print([name for name in {HEAVY} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "[]"
