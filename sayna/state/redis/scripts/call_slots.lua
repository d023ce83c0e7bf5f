-- KEYS: slots.
return {redis.call('TIME')[1], redis.call('HGETALL', KEYS[1])}
