-- KEYS: followers. ARGV: token, ms.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
return redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
