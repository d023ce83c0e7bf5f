-- KEYS: the month, this change. ARGV: field of the tenant's sum, of its provider, characters, limit or nothing, seconds.
-- A change that Redis has made already is not made again, because a client repeats it when the answer was lost.
local total = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
if redis.call('EXISTS', KEYS[2]) == 1 then return total end
if ARGV[4] ~= '' and total + ARGV[3] > tonumber(ARGV[4]) then return -1 end
redis.call('SET', KEYS[2], '1', 'PX', 10000)
redis.call('HINCRBY', KEYS[1], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return redis.call('HINCRBY', KEYS[1], ARGV[1], ARGV[3])
