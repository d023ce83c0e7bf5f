-- KEYS: the month. ARGV: seconds, mark of the counts, then fields and their numbers.
if redis.call('HSETNX', KEYS[1], ARGV[2], '1') == 0 then return 0 end
for index = 3, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[index], ARGV[index + 1]) end
return redis.call('EXPIRE', KEYS[1], ARGV[1])
