-- KEYS: the clip. ARGV: clip, provider, voice, ms of its life. A mark of a clip in another store may be in its place.
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'clip', ARGV[1], 'provider', ARGV[2], 'voice', ARGV[3])
return redis.call('PEXPIRE', KEYS[1], ARGV[4])
