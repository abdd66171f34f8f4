"""The atomic steps of the cache protocol, in Lua, for Redis 7 and Valkey 8 or newer.

Every script looks at the state first. Its first key is that of the state, its first argument the run id that the
caller's connection learnt when it was made: a state of another process was not set on this one, and is no state.
A head belongs to the incarnation that its lineage begins with; in another one it counts as absent.

Entries that INVALIDATE and FILL remove are named by the set of variants, not by KEYS: they are in the same slot by
construction, and only the server knows which exist. Versions are compared as doubles, exact up to 2**53, but kept as
the text they came in: Lua would print large ones with an exponent. Times are the server's, in ms.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from shared.cache.keys import FEED, PREFIX
from shared.cache.orphans import ORPHAN_AFTER_MS


@dataclass(frozen=True, slots=True)
class Script:
    """Lua text and the digest under which the server remembers it."""

    source: str
    sha: str


# Answers the status, 'open', 'opening' or 'closed', and what the lineages of this incarnation begin with.
_STATE: Final = """
local function state()
  local found = redis.call('HMGET', KEYS[1], 'status', 'run_id', 'incarnation')
  if found[2] ~= ARGV[1] then return 'closed', '' end
  return found[1], found[3] .. '.'
end
"""

_NOW: Final = """
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function text(number) return string.format('%.0f', number) end
"""

_HEAD: Final = """
local function head_of(key, incarnation)
  local head = redis.call('HMGET', key, 'lineage', 'floor', 'raised_by', 'touched')
  if head[1] and incarnation ~= '' and string.sub(head[1], 1, #incarnation) == incarnation then return head end
  return nil
end
"""

_NEW_HEAD: Final = """
local function new_head(key, lineage)
  redis.call('HSET', key, 'lineage', lineage, 'floor', '0', 'raised_by', '', 'touched', '0')
  return {lineage, '0', '', '0'}
end
"""

_ENTRY: Final = f"""
local function entry_key(head_key, segment)
  return '{PREFIX}/' .. string.sub(head_key, {len(PREFIX) + 2}) .. '/' .. segment
end
"""

_ALLOW_OOM: Final = " flags=allow-oom"


def _script(*parts: str, flags: str = "") -> Script:
    return made(f"#!lua{flags}" + "".join(parts))


def made(source: str) -> Script:
    """Return a script of this text."""
    return Script(source, hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest())


# KEYS: state, head, entry. ARGV: run id, a new nonce, life of a lease in ms, lowest version wanted, names of the
# entry's fields.
# Answers HIT and the entry's values, or MISS, the head's lineage and the time (which are the lease), or CLOSED. The
# head lives as long as the lease, and for that alone no longer: whoever looks may ask for what there is not.
GET: Final = _script(
    _STATE,
    _NOW,
    _HEAD,
    _NEW_HEAD,
    """
local status, incarnation = state()
if status ~= 'open' then return {'CLOSED'} end
local head = head_of(KEYS[2], incarnation)
if head then
  redis.call('PEXPIRE', KEYS[2], ARGV[3], 'GT')
else
  head = new_head(KEYS[2], incarnation .. ARGV[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
local entry = redis.call('HMGET', KEYS[3], 'lineage', 'version')
if entry[1] == head[1] then
  local version = tonumber(entry[2]) or -1
  if version >= tonumber(head[2]) and version >= tonumber(ARGV[4]) then
    return {'HIT', unpack(redis.call('HMGET', KEYS[3], unpack(ARGV, 5)))}
  end
end
return {'MISS', head[1], text(now())}
""",
)

# KEYS: state, head, entry, variants. ARGV: run id, lineage and time of the lease, version, life of the entry and of
# the head in ms, the entry's segment, most variants kept, then field, value, field, value... of the entry.
# Answers the outcome in one word; 'orphan' is 'stored' after a floor was dropped that nobody stands behind. A set that
# is full gives up the variant of the lowest version.
FILL: Final = _script(
    _STATE,
    _HEAD,
    _ENTRY,
    f"""
local status, incarnation = state()
if status ~= 'open' then return 'closed' end
local head = head_of(KEYS[2], incarnation)
if not head then return 'head_gone' end
if head[1] ~= ARGV[2] then return 'lineage' end
local version, outcome = tonumber(ARGV[4]), 'stored'
if version < tonumber(head[2]) then
  if tonumber(ARGV[3]) - tonumber(head[4]) <= {ORPHAN_AFTER_MS} then return 'floor' end
  redis.call('HSET', KEYS[2], 'floor', ARGV[4], 'raised_by', '')
  outcome = 'orphan'
end
local there = redis.call('HMGET', KEYS[3], 'lineage', 'version')
if there[1] == head[1] and (tonumber(there[2]) or -1) > version then return 'older' end
if not redis.call('ZSCORE', KEYS[4], ARGV[7]) and redis.call('ZCARD', KEYS[4]) >= tonumber(ARGV[8]) then
  redis.call('UNLINK', entry_key(KEYS[2], redis.call('ZPOPMIN', KEYS[4])[1]))
end
redis.call('HSET', KEYS[3], unpack(ARGV, 9))
redis.call('PEXPIRE', KEYS[3], ARGV[5])
redis.call('ZADD', KEYS[4], ARGV[4], ARGV[7])
redis.call('PEXPIRE', KEYS[4], ARGV[6])
redis.call('PEXPIRE', KEYS[2], ARGV[6])
return outcome
""",
)

# KEYS: state, head. ARGV: run id, version, writer, a new nonce, life of the head in ms, the object.
# Answers 'raised', or 'closed' when nobody is served; tells the feed whatever it finds. A floor above the version
# stays, but it has been touched: somebody is at the object.
RAISE: Final = _script(
    _STATE,
    _NOW,
    _HEAD,
    _NEW_HEAD,
    f"""
redis.call('PUBLISH', '{FEED}', ARGV[2] .. ' ' .. ARGV[6])
local status, incarnation = state()
if status == 'closed' then return 'closed' end
local head = head_of(KEYS[2], incarnation) or new_head(KEYS[2], incarnation .. ARGV[4])
if tonumber(ARGV[2]) >= tonumber(head[2]) then
  redis.call('HSET', KEYS[2], 'floor', ARGV[2], 'raised_by', ARGV[3])
end
redis.call('HSET', KEYS[2], 'touched', text(now()))
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return 'raised'
""",
    flags=_ALLOW_OOM,
)

# KEYS: state, head. ARGV: run id, version, writer.
# Answers 1 when the head was removed: its floor was that of this writer.
UNRAISE: Final = _script(
    _STATE,
    _HEAD,
    """
local _, incarnation = state()
local head = head_of(KEYS[2], incarnation)
if not head or tonumber(head[2]) ~= tonumber(ARGV[2]) or head[3] ~= ARGV[3] then return 0 end
return redis.call('UNLINK', KEYS[2])
""",
    flags=_ALLOW_OOM,
)

# KEYS: state, head, variants. ARGV: run id, version, life of the head in ms, the object.
# Answers 1 or 0 for a head, 1 or 0 for a raised floor, and the entries removed; tells the feed whatever it finds.
# Without a head no entry can be served again, so all go. A floor that an event has reached is nobody's to take back.
INVALIDATE: Final = _script(
    _STATE,
    _NOW,
    _HEAD,
    _ENTRY,
    f"""
redis.call('PUBLISH', '{FEED}', ARGV[2] .. ' ' .. ARGV[4])
local _, incarnation = state()
local head = head_of(KEYS[2], incarnation)
local heads, raised, dead = 0, 0, '+inf'
if head then
  heads = 1
  local version, floor = tonumber(ARGV[2]), tonumber(head[2])
  if version > floor then
    raised, head[2] = 1, ARGV[2]
    redis.call('HSET', KEYS[2], 'touched', text(now()))
  end
  if version >= floor then redis.call('HSET', KEYS[2], 'floor', ARGV[2], 'raised_by', '') end
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
  dead = '(' .. head[2]
end
local removed = 0
for _, segment in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', dead)) do
  removed = removed + redis.call('UNLINK', entry_key(KEYS[2], segment))
end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', dead)
return {{heads, raised, removed}}
""",
    flags=_ALLOW_OOM,
)

# KEYS: state, head, variants. ARGV: run id, a new nonce, the highest version there can be, the object.
# Answers 1 or 0 for a head, and the entries removed; tells the feed whatever it finds. The floor stays, and who raised
# it: only the lineage is another, so that nothing is served or accepted of what was there or under way.
FORGET: Final = _script(
    _STATE,
    _HEAD,
    _ENTRY,
    f"""
redis.call('PUBLISH', '{FEED}', ARGV[3] .. ' ' .. ARGV[4])
local _, incarnation = state()
local heads, removed = 0, 0
if head_of(KEYS[2], incarnation) then
  heads = 1
  redis.call('HSET', KEYS[2], 'lineage', incarnation .. ARGV[2])
end
for _, segment in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', '+inf')) do
  removed = removed + redis.call('UNLINK', entry_key(KEYS[2], segment))
end
redis.call('UNLINK', KEYS[3])
return {{heads, removed}}
""",
    flags=_ALLOW_OOM,
)

# KEYS: state. ARGV: run id, a new incarnation, how long an opening may take in ms.
# Answers the run id when the state has been set to opening: it was closed, or its opener has given up. Else 0.
BEGIN: Final = _script(
    _NOW,
    """
local found = redis.call('HMGET', KEYS[1], 'status', 'run_id', 'begun')
if found[1] and found[2] == ARGV[1] then
  local age = now() - tonumber(found[3])
  if found[1] == 'open' or (age >= 0 and age < tonumber(ARGV[3])) then return 0 end
end
local begun = text(now())
redis.call('HSET', KEYS[1], 'status', 'opening', 'run_id', ARGV[1], 'incarnation', ARGV[2], 'begun', begun)
return ARGV[1]
""",
    flags=_ALLOW_OOM,
)

# KEYS: state. ARGV: run id, incarnation.
# Answers 1 when the state was this opening, and is now open.
FINISH: Final = _script(
    """
local found = redis.call('HMGET', KEYS[1], 'status', 'run_id', 'incarnation')
if found[1] ~= 'opening' or found[2] ~= ARGV[1] or found[3] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'status', 'open')
return 1
""",
    flags=_ALLOW_OOM,
)
