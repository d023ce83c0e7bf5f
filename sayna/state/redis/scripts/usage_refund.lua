-- KEYS: the month, this change. ARGV: field of the tenant's sum, of its provider, characters.
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local back = math.min(tonumber(ARGV[3]), tonumber(redis.call('HGET', KEYS[1], ARGV[2]) or '0'))
redis.call('SET', KEYS[2], '1', 'PX', 10000)
redis.call('HINCRBY', KEYS[1], ARGV[1], -back)
redis.call('HINCRBY', KEYS[1], ARGV[2], -back)
return back
