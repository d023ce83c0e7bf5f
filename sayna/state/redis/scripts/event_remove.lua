-- KEYS: events, hosts. ARGV: prefix, id.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local prefix, id = ARGV[1], ARGV[2]
local host, room = unpack(redis.call('HMGET', prefix .. 'event:' .. id, 'host', 'room'))
if not host then return 0 end
local lane = prefix .. 'room:' .. room
local was_first = redis.call('LINDEX', lane, 0) == id
redis.call('LREM', lane, 1, id)
redis.call('DEL', prefix .. 'event:' .. id)
redis.call('ZREM', KEYS[1], id)
if redis.call('HINCRBY', KEYS[2], host, -1) < 1 then redis.call('HDEL', KEYS[2], host) end
if was_first then
  redis.call('ZREM', prefix .. 'due:' .. host, room)
  local following = redis.call('LINDEX', lane, 0)
  if following then
    redis.call('ZADD', prefix .. 'due:' .. redis.call('HGET', prefix .. 'event:' .. following, 'host'), now, room)
  end
end
return 1
