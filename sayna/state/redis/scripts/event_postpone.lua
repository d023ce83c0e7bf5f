-- KEYS: events. ARGV: prefix, id, first pause, longest pause, both in ms.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local event = ARGV[1] .. 'event:' .. ARGV[2]
local host, room, attempts = unpack(redis.call('HMGET', event, 'host', 'room', 'attempts'))
if not host then return 0 end
redis.call('HINCRBY', event, 'attempts', 1)
if redis.call('LINDEX', ARGV[1] .. 'room:' .. room, 0) == ARGV[2] then
  redis.call('ZADD', ARGV[1] .. 'due:' .. host, now + math.min(ARGV[3] * 2 ^ attempts, tonumber(ARGV[4])), room)
end
return 1
