-- KEYS: records of the group. ARGV: prefix, most records.
local texts = {}
for _, key in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, ARGV[2] - 1)) do
  local text = redis.call('GET', ARGV[1] .. key)
  if text then texts[#texts + 1] = text end
end
return texts
