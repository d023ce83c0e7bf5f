"""What machines share in Redis or Valkey: loaded only with REDIS_URL, and the only owner of redis-py."""
