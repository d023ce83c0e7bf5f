-- KEYS: lease, stream. ARGV: token, frames, ms of a lease, of the stream.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('XADD', KEYS[2], '*', 'f', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1
