"""One sound in every format at once over four workers: one vendor call, one take."""

import threading
from concurrent.futures import ThreadPoolExecutor

from sayna import audio
from tests.audio.sounds import samples_of
from tests.e2e.conftest import StartServer
from tests.e2e.vendor import Vendor

FORMS = [(name, rate) for name in audio.FORMATS for rate in (8000, 24000)]
CALLERS = 4


def test_mixed_formats_over_workers_cost_one_call(server: StartServer, vendor: Vendor) -> None:
    sayna = server(WEB_CONCURRENCY="4", WEB_THREADS="96", **vendor.settings)
    sayna.await_workers(4)
    vendor.pause = 0.3
    together = threading.Barrier(CALLERS * len(FORMS))

    def ask(form: tuple[str, int]) -> tuple[str, str, float]:
        body = {"text": "All formats", "provider": "deepgram", "audio_format": form[0], "sample_rate": form[1]}
        together.wait(60)
        with sayna.address.client() as client:
            response = client.begin("POST", "/speak", body, Accept="audio/*")
            target = audio.resolve(*form)
            wave, rate = samples_of(response.read(), target)
            take = response.getheader("ETag", "").strip('"').partition("-")[2]
            return response.getheader("x-cache", ""), take, len(wave) / rate

    with ThreadPoolExecutor(CALLERS * len(FORMS)) as pool:
        answers = list(pool.map(ask, FORMS * CALLERS))
    assert len(vendor.calls) == 1
    assert [outcome for outcome, _, _ in answers].count("MISS") == 1
    assert len({take for _, take, _ in answers}) == 1
    seconds = len(vendor.whole) / 2 / 24000
    # A streamed mp3 cannot state its length, so a decoder adds some silence.
    assert all(seconds - 0.02 < each < seconds + 0.2 for _, _, each in answers)
