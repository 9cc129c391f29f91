"""The ledger's decision, made inside its server: one Lua script per write, and the names of its keys.

Reading and writing are separate calls and the new value is computed by the client, so a lock that lets two in shows
as lost updates. What the script decides is only whether a write may land at all: with checking on, a fencing token
older than the newest one seen is stale, and so is an equal one from another attempt (after a failover two holders can
be given the same counter value). Source of the idea: M. Burrows, The Chubby lock service, OSDI 2006, §2.4.
"""

from __future__ import annotations

VALUE = "ledger:value"
CHECKED = "ledger:checked"
FENCE = "ledger:fence"
HOLDER = "ledger:attempt"
SEQUENCE = "ledger:seq"
LOG = "ledger:log"
KEYS = (VALUE, CHECKED, FENCE, HOLDER, SEQUENCE, LOG)
"""In the order in which the script takes them."""

WRITE = """
local value, fence, attempt = ARGV[1], ARGV[2], ARGV[3]

-- Fencing tokens may be 64 bits wide (ZooKeeper's czxid), Lua's numbers hold 53: compare them as digits.
local function older(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local reason = false
if redis.call('GET', KEYS[2]) == '1' then
  local newest = redis.call('GET', KEYS[3])
  if fence == '' then
    reason = 'no fencing token'
  elseif newest and older(fence, newest) then
    reason = 'older than fencing token ' .. newest
  elseif newest == fence and redis.call('GET', KEYS[4]) ~= attempt then
    reason = 'fencing token ' .. newest .. ' belongs to another attempt'
  end
end

if not reason then
  redis.call('SET', KEYS[1], value)
  if fence ~= '' then
    local newest = redis.call('GET', KEYS[3])
    if not newest or not older(fence, newest) then
      redis.call('SET', KEYS[3], fence)
      redis.call('SET', KEYS[4], attempt)
    end
  end
end

local time = redis.call('TIME')
local entry = '{"seq":' .. redis.call('INCR', KEYS[5])
  .. ',"accepted":' .. (reason and 'false' or 'true')
  .. ',"client":' .. cjson.encode(ARGV[4])
  .. ',"lock":' .. cjson.encode(ARGV[5])
  .. ',"attempt":' .. cjson.encode(attempt)
  .. ',"fence":' .. (fence == '' and 'null' or fence)
  .. ',"value":' .. value
  .. ',"reason":' .. (reason and cjson.encode(reason) or 'null')
  .. ',"at":' .. time[1] .. string.format('%06d', time[2]) .. '}'
redis.call('RPUSH', KEYS[6], entry)
return reason or 'OK'
"""
"""Arguments: value (JSON text), fencing token (digits, or empty), attempt, client, lock. Answers OK or the reason."""
