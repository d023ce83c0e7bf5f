-- KEYS: events, hosts, number. ARGV: prefix, id, host, owner, room, body, most events, most events of a host.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local prefix, id, host, room = ARGV[1], ARGV[2], ARGV[3], ARGV[5]
if redis.call('ZSCORE', KEYS[1], id) then return 0 end
local here = tonumber(redis.call('HGET', KEYS[2], host) or '0')
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[7]) or here >= tonumber(ARGV[8]) then return -1 end
redis.call('ZADD', KEYS[1], redis.call('INCR', KEYS[3]), id)
redis.call('HSET', prefix .. 'event:' .. id, 'host', host, 'owner', ARGV[4], 'room', room, 'body', ARGV[6],
  'created', now, 'attempts', 0)
redis.call('HINCRBY', KEYS[2], host, 1)
if redis.call('RPUSH', prefix .. 'room:' .. room, id) == 1 then
  redis.call('ZADD', prefix .. 'due:' .. host, now, room)
end
return 1
