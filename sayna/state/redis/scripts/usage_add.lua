-- KEYS: the month, this change. ARGV: seconds, then fields and their numbers.
-- A change that Redis has made already is not made again, because a client repeats it when the answer was lost.
if not redis.call('SET', KEYS[2], '1', 'NX', 'PX', 10000) then return 0 end
for index = 2, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[index], ARGV[index + 1]) end
return redis.call('EXPIRE', KEYS[1], ARGV[1])
