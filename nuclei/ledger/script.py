"""The ledger's decision, made inside its server: one Lua script per write, and the names of its keys.

Reading and writing are separate calls and the new value is computed by the client, so a lock that lets two in shows
as lost updates. What the script decides is only whether a write may land at all: with checking on, a fencing token
older than the newest one seen under that lock is stale, and so is an equal one from another attempt (after a failover
two holders can be given the same counter value). Source of the idea: M. Burrows, The Chubby lock service, OSDI 2006,
§2.4.
"""

from __future__ import annotations

VALUE = "ledger:value"
COUNTERS = "ledger:counters"
RECORDS = "ledger:records"
CHECKED = "ledger:checked"
FENCES = "ledger:fences"
HOLDERS = "ledger:attempts"
SEQUENCE = "ledger:seq"
LOG = "ledger:log"
KEYS = (VALUE, COUNTERS, RECORDS, CHECKED, FENCES, HOLDERS, SEQUENCE, LOG)
"""In the order in which the script takes them. Counters: name → JSON. Records: ``RESOURCE/REQUEST`` → how many there
are. Fencing tokens and their attempts: by lock."""

WRITE = """
local fence, attempt, client, lock = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local value, counter, text, record, request = ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]

-- Fencing tokens may be 64 bits wide (ZooKeeper's czxid), Lua's numbers hold 53: compare them as digits.
local function older(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

local newest = redis.call('HGET', KEYS[5], lock)
local reason = false
if redis.call('GET', KEYS[4]) == '1' then
  if fence == '' then
    reason = 'no fencing token'
  elseif newest and older(fence, newest) then
    reason = 'older than fencing token ' .. newest
  elseif newest == fence and redis.call('HGET', KEYS[6], lock) ~= attempt then
    reason = 'fencing token ' .. newest .. ' belongs to another attempt'
  end
end

if not reason then
  if counter ~= '' then
    redis.call('HSET', KEYS[2], counter, text)
  elseif text ~= '' then
    redis.call('SET', KEYS[1], text)
  end
  if request ~= '' then
    redis.call('HINCRBY', KEYS[3], request, 1)
  end
  if fence ~= '' and (not newest or not older(fence, newest)) then
    redis.call('HSET', KEYS[5], lock, fence)
    redis.call('HSET', KEYS[6], lock, attempt)
  end
end

local time = redis.call('TIME')
local entry = '{"seq":' .. redis.call('INCR', KEYS[7])
  .. ',"accepted":' .. (reason and 'false' or 'true')
  .. ',"op":"' .. (text == '' and 'append' or 'write') .. '"'
  .. ',"client":' .. cjson.encode(client)
  .. ',"lock":' .. cjson.encode(lock)
  .. ',"attempt":' .. cjson.encode(attempt)
  .. ',"fence":' .. (fence == '' and 'null' or fence)
  .. ',"value":' .. value
  .. ',"record":' .. (record == '' and 'null' or record)
  .. ',"reason":' .. (reason and cjson.encode(reason) or 'null')
  .. ',"at":' .. time[1] .. string.format('%06d', time[2]) .. '}'
redis.call('RPUSH', KEYS[8], entry)
return reason or 'OK'
"""
"""Arguments: fencing token (digits, or empty), attempt, client, lock; the value as the log shows it, the counter's name
(empty: the one value), the JSON text to store (empty: nothing, only a record is appended), the record (JSON, or empty)
and its field among the records (or empty). Answers OK or the reason."""
