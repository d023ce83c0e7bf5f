-- KEYS: slots. ARGV: slot.
-- A second call of the same room and identity ends the first one: LiveKit has one participant of an identity.
local text = redis.call('HGET', KEYS[1], ARGV[1])
if not text then return 0 end
local slot = cjson.decode(text)
local all = redis.call('HGETALL', KEYS[1])
for index = 1, #all, 2 do
  local other = cjson.decode(all[index + 1])
  if all[index] ~= ARGV[1] and other.placed and other.room == slot.room and other.identity == slot.identity then
    redis.call('HDEL', KEYS[1], all[index])
  end
end
slot.placed = true
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(slot))
return 1
