-- KEYS: value, all records, those of the group, the number of the last one.
-- ARGV: whether there was an old value, the old value, the new one, the key, prefix, ms, most records.
local old = redis.call('GET', KEYS[1])
if (old and '1' or '0') ~= ARGV[1] or (old or '') ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[3])

redis.call('PEXPIRE', KEYS[1], ARGV[6])
if not old then
  local number = redis.call('INCR', KEYS[4])
  redis.call('ZADD', KEYS[2], number, ARGV[4])
  redis.call('ZADD', KEYS[3], number, ARGV[4])
end
redis.call('PEXPIRE', KEYS[3], ARGV[6])
for _, key in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1 - ARGV[7])) do
  redis.call('DEL', ARGV[5] .. key)
  redis.call('ZREM', KEYS[2], key)
end
return 1
