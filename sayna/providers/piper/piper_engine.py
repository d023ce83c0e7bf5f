"""Piper's models in this worker: loaded on first use, few at a time, run by one thread.

Sentences are queued one by one, so a short text does not wait for the end of a long one, and cached speech, other
providers and health find the processor free. The thread keeps its priority: with a lower one it waits while it
holds the interpreter lock, and health was measured to slow down.
"""

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sayna.errors import ProviderError, ProviderTimeout
from sayna.http import Deadline
from sayna.providers.piper.voice_folder import VoiceFile

# Real models are tens of MB each, in every worker.
VOICES_KEPT = 3
THREADS_OF_A_MODEL = max(1, min(4, (os.cpu_count() or 2) // 2))

T = TypeVar("T")
logger = logging.getLogger("sayna.piper")


class PiperEngine:
    """The models of one process; a forked child starts with none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = 0
        self._thread: ThreadPoolExecutor | None = None
        self._voices: OrderedDict[VoiceFile, Any] = OrderedDict()

    @property
    def loaded(self) -> tuple[str, ...]:
        """The ids of the voices in memory, the one used last at the end."""
        return tuple(file.id for file in self._voices)

    def say(self, file: VoiceFile, text: str, settings: dict[str, Any], deadline: Deadline) -> Iterator[bytes]:
        """Yield 16-bit samples a sentence at a time; raises ProviderError and ProviderTimeout."""
        sentences = self._run(lambda: self._begin(file, text, settings), deadline)
        while (audio := self._run(lambda: next(sentences, None), deadline)) is not None:
            yield audio

    def close(self) -> None:
        """Forget the models and end the thread; the next text loads them again."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None and self._pid == os.getpid():
            thread.shutdown(wait=True, cancel_futures=True)
        self._voices.clear()

    def _run(self, job: Callable[[], T], deadline: Deadline) -> T:
        future = self._ready().submit(job)
        try:
            return future.result(deadline.remaining())
        except TimeoutError as error:
            future.cancel()
            raise ProviderTimeout("piper did not finish within the deadline") from error
        except Exception as error:
            # No traceback: an exception of piper's may quote the text.
            logger.error("piper_failed: %s", type(error).__name__)  # noqa: TRY400
            raise ProviderError("piper failed with this voice; see the server's log") from error

    def _ready(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._thread is None or self._pid != os.getpid():
                self._pid, self._voices = os.getpid(), OrderedDict()
                # Made in the worker: onnxruntime's threads do not survive a fork.
                self._thread = ThreadPoolExecutor(1, "piper")
            return self._thread

    def _begin(self, file: VoiceFile, text: str, settings: dict[str, Any]) -> Iterator[bytes]:
        from piper import SynthesisConfig  # noqa: PLC0415 - an optional extra of 120 MB

        voice = self._voice(file)
        return (chunk.audio_int16_bytes for chunk in voice.synthesize(text, SynthesisConfig(**settings)))

    def _voice(self, file: VoiceFile) -> Any:
        voice = self._voices.pop(file, None) or _load(file)
        self._voices[file] = voice
        while len(self._voices) > VOICES_KEPT:
            self._voices.popitem(last=False)
        return voice


def _load(file: VoiceFile) -> Any:
    """Return a voice whose model runs on few threads; PiperVoice.load() has no option for that."""
    import json  # noqa: PLC0415

    import onnxruntime  # noqa: PLC0415
    from piper.config import PiperConfig  # noqa: PLC0415

    from sayna.providers.piper.whole_voice import WholeVoice  # noqa: PLC0415

    # It logs the text that it speaks, and at WARNING the characters that a voice does not know.
    logging.getLogger("piper").setLevel(logging.CRITICAL + 1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS_OF_A_MODEL
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Without this, its threads use the processor while they wait for work.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    told = json.loads(file.model.with_name(f"{file.model.name}.json").read_bytes())
    session = onnxruntime.InferenceSession(str(file.model), sess_options=options, providers=["CPUExecutionProvider"])
    return WholeVoice(session=session, config=PiperConfig.from_dict(told))
