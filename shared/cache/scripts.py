"""The atomic steps of the cache protocol, in Lua, for Redis 7 and Valkey 8 or newer.

Every key a script touches has the hash tag of its one object. Entries that INVALIDATE and FILL remove are named by
the set of variants, not by KEYS: they are in the same slot by construction, and only the server knows which exist.
Versions are compared as doubles, exact up to 2**53, but kept as the text they came in: Lua would print large ones
with an exponent.
"""

import hashlib
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Script:
    """Lua text and the digest under which the server remembers it."""

    source: str
    sha: str


def _script(source: str) -> Script:
    return Script(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


# KEYS: head, entry. ARGV: a new lineage, life of the head in ms, lowest version wanted, names of the entry's fields.
# Answers HIT, lineage, the entry's values... or MISS, lineage (which is the lease).
GET: Final = _script("""#!lua
local head = redis.call('HMGET', KEYS[1], 'lineage', 'floor')
if not head[1] then
  redis.call('HSET', KEYS[1], 'lineage', ARGV[1], 'floor', '0')
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return {'MISS', ARGV[1]}
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
local entry = redis.call('HMGET', KEYS[2], 'lineage', 'version')
if entry[1] == head[1] then
  local version = tonumber(entry[2]) or -1
  if version >= tonumber(head[2]) and version >= tonumber(ARGV[3]) then
    return {'HIT', head[1], unpack(redis.call('HMGET', KEYS[2], unpack(ARGV, 4)))}
  end
end
return {'MISS', head[1]}
""")

# KEYS: head, entry, variants. ARGV: lease, version, life of the entry and of the head in ms, the entry's segment,
# most variants kept, then field, value, field, value... of the entry.
# Answers the outcome in one word. A set that is full gives up the variant of the lowest version.
FILL: Final = _script("""#!lua
local head = redis.call('HMGET', KEYS[1], 'lineage', 'floor')
if not head[1] then return 'head_gone' end
if head[1] ~= ARGV[1] then return 'lineage' end
local version = tonumber(ARGV[2])
if version < tonumber(head[2]) then return 'floor' end
local there = redis.call('HMGET', KEYS[2], 'lineage', 'version')
if there[1] == ARGV[1] and (tonumber(there[2]) or -1) > version then return 'older' end
if not redis.call('ZSCORE', KEYS[3], ARGV[5]) and redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[6]) then
  redis.call('UNLINK', KEYS[1] .. ':' .. redis.call('ZPOPMIN', KEYS[3])[1])
end
redis.call('HSET', KEYS[2], unpack(ARGV, 7))
redis.call('PEXPIRE', KEYS[2], ARGV[3])
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[5])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 'stored'
""")

# KEYS: head, variants. ARGV: version, life of the head in ms.
# Answers 1 or 0 for a head, 1 or 0 for a raised floor, and the entries removed. Without a head no entry can be
# served again, so all go. It frees memory, so it must run when there is none.
INVALIDATE: Final = _script("""#!lua flags=allow-oom
local floor = redis.call('HGET', KEYS[1], 'floor')
local heads, raised, dead = 0, 0, '+inf'
if floor then
  heads = 1
  if tonumber(ARGV[1]) > tonumber(floor) then
    raised, floor = 1, ARGV[1]
    redis.call('HSET', KEYS[1], 'floor', floor)
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  dead = '(' .. floor
end
local removed = 0
for _, segment in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', dead)) do
  removed = removed + redis.call('UNLINK', KEYS[1] .. ':' .. segment)
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', dead)
return {heads, raised, removed}
""")
