"""The Lua scripts of the Redis bus. Each is one atomic step; all are safe to repeat after a lost connection.

A topic log is a stream whose ids are ``<epoch>-<seq>``. The epoch is the time in milliseconds at which the log was begun, and a
new one begins whenever the Redis process is another one (``run_id``): an append-only file may have lost its last second, and
numbers that were already told must never be given to other messages. A reader whose last entry is still there reads on across
the change; any other reader gets a gap.
"""

from __future__ import annotations

_HEAD = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local meta = redis.call('HMGET', KEYS[2], 'run', 'epoch', 'seq')
local epoch, seq = meta[2], tonumber(meta[3] or '0')
if meta[1] ~= run then
  local time = redis.call('TIME')
  local fresh = time[1] * 1000 + math.floor(time[2] / 1000)
  if epoch and fresh <= tonumber(epoch) then fresh = tonumber(epoch) + 1 end
  epoch, seq = string.format('%.0f', fresh), 0
  redis.call('HSET', KEYS[2], 'run', run, 'epoch', epoch, 'seq', 0)
end
"""

APPEND = (
    """
local seen = redis.call('GET', KEYS[3])
if seen then return seen end
"""
    + _HEAD
    + """
seq = seq + 1
local id = epoch .. '-' .. string.format('%.0f', seq)
redis.call('HSET', KEYS[2], 'seq', seq)
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], id, 'b', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[4])
redis.call('SET', KEYS[3], id, 'EX', ARGV[5])
redis.call('PUBLISH', ARGV[1], id .. ' ' .. ARGV[2])
return id
"""
)
"""Keys: log, meta, deduplication. Arguments: channel, body, maximum length, seconds to keep log and deduplication id. Returns the id."""

READ = (
    _HEAD
    + """
redis.call('EXPIRE', KEYS[2], ARGV[4])
local head = epoch .. '-' .. string.format('%.0f', seq)
if ARGV[1] == '' then return {head, 0, {}} end
local id = ARGV[1] .. '-' .. ARGV[2]
local known = id == head or #redis.call('XRANGE', KEYS[1], id, id) == 1
if not known then
  local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
  local successor = ARGV[1] .. '-' .. string.format('%.0f', tonumber(ARGV[2]) + 1)
  known = #first == 1 and first[1][1] == successor
end
if not known then return {head, 1, {}} end
return {head, 0, redis.call('XRANGE', KEYS[1], '(' .. id, '+', 'COUNT', ARGV[3])}
"""
)
"""Keys: log, meta. Arguments: epoch (empty: head only), seq, limit, seconds to keep. Returns head id, gap (0 or 1), entries."""

PUBLISH = """
if not redis.call('SET', KEYS[2], '1', 'NX', 'EX', ARGV[2]) then return 0 end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 'e', ARGV[3])
return 1
"""
"""Keys: stream of the event name, deduplication. Arguments: maximum length, seconds to remember the id, event."""

REQUEST = """
if redis.call('EXISTS', KEYS[2]) == 0 then return -1 end
if not redis.call('SET', KEYS[3], '1', 'NX', 'EX', 120) then return 0 end
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
"""Keys: queue of the address, sign that it is served, deduplication. Arguments: request, milliseconds. Returns -1 if nobody serves."""
