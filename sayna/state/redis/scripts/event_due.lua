-- KEYS: events, hosts. ARGV: prefix, most events of a host.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local found = {}
for _, host in ipairs(redis.call('HKEYS', KEYS[2])) do
  local rooms = redis.call('ZRANGEBYSCORE', ARGV[1] .. 'due:' .. host, '-inf', now, 'LIMIT', 0, ARGV[2])
  for _, room in ipairs(rooms) do
    local id = redis.call('LINDEX', ARGV[1] .. 'room:' .. room, 0)
    if id then found[#found + 1] = {redis.call('ZSCORE', KEYS[1], id), id, host} end
  end
end
return found
