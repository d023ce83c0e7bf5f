"""One synthesis over all machines: one calls the provider, the others read its frames, and each keeps the clip."""

import itertools
from collections.abc import Callable, Iterator

from sayna.errors import ProviderTimeout, SaynaError, StoreUnavailable
from sayna.speech.cache import Clip
from sayna.speech.machines import Machines
from sayna.speech.plan import Plan
from sayna.speech.single_flight import StreamLost, Synthesis, frames
from sayna.speech.single_flight.frames import frame
from sayna.speech.single_flight.task import LATE
from sayna.state.speech_ports import Broadcast


def stored(clip: Clip) -> Synthesis:
    """Return a clip as a synthesis for which no provider is called."""
    return Synthesis(iter((clip.audio,)), is_cached=True, created=clip.info.created, spec=clip.info.spec)


class SharedSynthesis:
    """The synthesis of a plan; `is_over` says that no subscriber waits any more, or that its time is over."""

    def __init__(self, machines: Machines, plan: Plan, is_over: Callable[[], bool]) -> None:
        self._machines = machines
        self._plan = plan
        self._is_over = is_over
        self._broadcast: Broadcast | None = None
        self._is_whole = False

    def start(self, render: Callable[[], Synthesis]) -> Synthesis:
        """Return the audio under way: that of another machine, or what `render` returns; raises SaynaError."""
        plan, machines = self._plan, self._machines
        if not machines.store.is_joined and (clip := machines.fetch(plan)):
            return stored(clip)
        while not self._is_over():
            try:
                self._broadcast = broadcast = machines.broadcasts.join(plan.sound, plan.stream_key)
            except StoreUnavailable:
                # Each machine for itself: that costs money, but the client gets its speech.
                return render()
            if broadcast.is_stored:
                return stored(clip) if (clip := machines.fetch(plan)) else render()
            if broadcast.is_leader:
                return self._lead(broadcast, render)
            try:
                return self._follow(broadcast)
            except StreamLost:
                # No subscriber has a byte yet, so another machine may begin anew.
                broadcast.close()
        raise ProviderTimeout(LATE)

    def has_followers(self) -> bool:
        """Return whether another machine reads this synthesis; raises nothing."""
        return self._broadcast is not None and self._broadcast.has_followers()

    def store(self, clip: Clip) -> None:
        """Give the whole clip to the other machines; only then may another machine lead."""
        broadcast = self._broadcast
        is_own = broadcast is None or broadcast.is_leader or broadcast.is_stored
        is_stored = is_own and self._machines.put(self._plan.sound, clip, replaces=False)
        if broadcast is not None:
            broadcast.close(is_stored=is_stored)

    def close(self) -> None:
        """Let another machine lead; may be called again."""
        if self._broadcast is not None:
            self._broadcast.close()

    def _lead(self, broadcast: Broadcast, render: Callable[[], Synthesis]) -> Synthesis:
        try:
            made = render()
        except BaseException as error:
            self._fail(broadcast, error)
            broadcast.close()
            raise
        close = made.close

        def close_both() -> None:
            close()
            # Otherwise `store` closes it: a machine that leads before the clip is stored would pay again.
            if not self._is_whole:
                broadcast.close()

        return Synthesis(self._relayed(broadcast, made), close_both, created=made.created, spec=made.spec)

    def _relayed(self, broadcast: Broadcast, made: Synthesis) -> Iterator[bytes]:
        """Yield the audio to this machine first, then write it for the others."""
        begin = frame(frames.BEGIN, frames.dump_begin(made.created, False, made.spec))
        try:
            for chunk in made.chunks:
                yield chunk
                if chunk:
                    broadcast.write(begin + frame(frames.DATA, chunk))
                    begin = b""
        except Exception as error:
            self._fail(broadcast, error)
            raise
        broadcast.write(begin + frame(frames.WHOLE))
        self._is_whole = True

    def _fail(self, broadcast: Broadcast, error: BaseException) -> None:
        # After an error of this caller alone, another machine leads with the request of its own caller.
        is_own = isinstance(error, SaynaError) and error.is_callers_own
        if isinstance(error, Exception) and not is_own and not self._is_over():
            broadcast.write(frame(frames.ERROR, frames.dump_error(error)))

    def _follow(self, broadcast: Broadcast) -> Synthesis:
        read = self._frames(broadcast)
        try:
            kind, payload = next(read)
            if kind != frames.BEGIN:
                raise StreamLost
            created, _, spec = frames.load_begin(payload)
            first = next(read, None)
        except SaynaError:
            broadcast.close()
            raise
        chunks = (data for _, data in itertools.chain([first] if first else [], read))
        return Synthesis(chunks, broadcast.close, is_remote=True, created=created, spec=spec)

    def _frames(self, broadcast: Broadcast) -> Iterator[tuple[bytes, bytes]]:
        """Yield BEGIN and DATA up to WHOLE; raises the leader's error, or StreamLost for any other end."""
        reader = frames.FrameReader()
        while not self._is_over():
            try:
                written, is_gone = broadcast.read()
            except StoreUnavailable as error:
                raise StreamLost from error
            for kind, payload in reader.feed(written):
                if kind == frames.WHOLE:
                    return
                if kind == frames.ERROR:
                    raise frames.load_error(payload)
                if kind not in (frames.BEGIN, frames.DATA):
                    raise StreamLost
                yield kind, payload
            if is_gone:
                raise StreamLost
        raise ProviderTimeout(LATE)
