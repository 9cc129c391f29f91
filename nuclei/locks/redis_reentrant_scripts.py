"""The scripts of ``redis-reentrant``: who holds it is a field of a hash, how often is that field's count.

Source: Redisson, ``RedissonLock.tryLockInnerAsync``, ``unlockInnerAsync`` (with its unlock latch) and
``RedissonBaseLock.renewExpirationAsync``; the same steps, in our words. Each is refused as a whole or not at all: a
server that refuses writes refuses the first one.
"""

from __future__ import annotations

ACQUIRE = """
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
  redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return false
end
return redis.call('PTTL', KEYS[1])
"""
"""Key; field, lease (ms). Nil: taken (again). Else how long (ms) whoever holds it has left."""

RENEW = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
"""
"""Key; field, lease (ms). 1: renewed. 0: there is nothing of this holder."""

RELEASE = """
local done = redis.call('GET', KEYS[3])
if done then
  return tonumber(done)
end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
  return false
end
local freed = 0
if redis.call('HINCRBY', KEYS[1], ARGV[1], -1) > 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
else
  redis.call('DEL', KEYS[1])
  redis.call('PUBLISH', KEYS[2], 'released')
  freed = 1
end
redis.call('SET', KEYS[3], freed, 'PX', ARGV[3])
return freed
"""
"""Key, channel, this release's latch; field, lease (ms), how long the latch is kept (ms). 1: freed. 0: held less often
than before. Nil: there was nothing of this holder. The same latch again: the same answer, and nothing is done."""
