-- KEYS: lease, stream, followers, clip. ARGV: token, ms of an ended stream, whether the clip is stored somewhere.
redis.call('ZREM', KEYS[3], ARGV[1])
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == '1' then redis.call('SET', KEYS[4], '1', 'PX', ARGV[2], 'NX') end
redis.call('DEL', KEYS[1])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1
