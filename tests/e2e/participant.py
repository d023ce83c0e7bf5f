"""A real participant: joins, speaks, and tells on standard output what happens, one JSON object a line.

`python -m tests.e2e.participant URL TOKEN`; it leaves when its standard input ends. It is a process of its
own because the client library brings threads that no fork of the test process should inherit.
"""

import asyncio
import json
import sys

from livekit import rtc

RATE = 48000
SAMPLES = RATE // 100


said = [""]


def say(event: str, **fields: object) -> None:
    """Tell what happened; the library tells some of it twice."""
    line = json.dumps({"event": event, **fields})
    if line != said[0]:
        print(line, flush=True)
    said[0] = line


async def main(url: str, token: str) -> None:
    """Join, speak and listen until told to leave."""
    room, over = rtc.Room(), asyncio.Event()
    room.on("track_muted", lambda who, track: say("muted", identity=who.identity, sid=track.sid))
    room.on("track_unmuted", lambda who, track: say("unmuted", identity=who.identity, sid=track.sid))
    room.on("disconnected", lambda reason: say("disconnected", reason=int(reason)))
    room.on("disconnected", lambda reason: over.set())
    try:
        await asyncio.wait_for(room.connect(url, token), 40)
    except (rtc.ConnectError, TimeoutError) as error:
        say("refused", reason=str(error))
        return
    say("connected", room=room.name, metadata=room.metadata, identity=room.local_participant.identity)
    asyncio.get_running_loop().add_reader(sys.stdin, over.set)
    source = rtc.AudioSource(RATE, 1)
    track = rtc.LocalAudioTrack.create_audio_track("mic", source)
    published = await room.local_participant.publish_track(
        track, rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    )
    say("published", sid=published.sid)
    while not over.is_set():
        await source.capture_frame(rtc.AudioFrame(bytes(2 * SAMPLES), RATE, 1, SAMPLES))
    await room.disconnect()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
