-- KEYS: lease, followers, clip. ARGV: token, a dead leader's token or nothing, ms of a lease, of a follower, of all.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if redis.call('EXISTS', KEYS[3]) == 1 then return {''} end
local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[1] and leader ~= ARGV[2] then
  redis.call('ZADD', KEYS[2], now + ARGV[4], ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
  return {leader}
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
return {ARGV[1]}
