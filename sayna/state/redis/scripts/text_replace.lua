-- KEYS: value. ARGV: whether there was an old value, the old value, the new one.
local old = redis.call('GET', KEYS[1])
if (old and '1' or '0') ~= ARGV[1] or (old or '') ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[3])
return 1
