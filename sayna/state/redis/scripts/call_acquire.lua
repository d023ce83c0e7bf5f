-- KEYS: calls of the last minute, slots. ARGV: slot, calls per minute, calls at a time or -1, room, identity.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return {'ok', 0} end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 60000)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then
  local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
  return {'minute', math.ceil((first + 60000 - now) / 1000)}
end
local most = tonumber(ARGV[3])
if most >= 0 then
  if redis.call('HLEN', KEYS[2]) >= most then
    local others = 0
    for _, text in ipairs(redis.call('HVALS', KEYS[2])) do
      local slot = cjson.decode(text)
      if slot.room ~= ARGV[4] or slot.identity ~= ARGV[5] then others = others + 1 end
    end
    if others >= most then return {'busy', 0} end
  end
  local slot = {room = ARGV[4], identity = ARGV[5], at = t[1] .. string.format('.%06d', t[2]), placed = false}
  redis.call('HSET', KEYS[2], ARGV[1], cjson.encode(slot))
  redis.call('EXPIRE', KEYS[2], 86400)
end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], 61000)
return {'ok', 0}
