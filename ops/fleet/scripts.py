"""The steps that change the agreement, as Lua scripts: Redis runs each as a whole, with its own clock.

Everything lies in one hash, and times are numbers in it instead of keys that expire: a Redis whose memory is full throws away keys that
expire first, and a lock must not go that way. If the hash goes, all of it goes, and `born` tells when.
Times are microseconds of Redis's clock.

    born             "<run id of the server> <since>": since when the data is there and this server has it. A server that started anew or
                     took over from another may have lost the last changes, so it counts from its own beginning. The gate's record is
                     one of them: of the gate only the epoch is kept, and the hosts stay as they are until somebody has settled it.
    seen:<host>      "<time> <lease>": the last heartbeat
    state:<host>     what the host says of its journal (ops/fleet/publisher.py)
    ack:<host>       how far it is with the gate's record (ops/fleet/follower.py)
    gate.*           epoch (grows with each change), state, token of the job (empty: by hand), reason, since, until (nothing moves after it)
    lock.*           token, owner, until
    score            the last score given out, see PUBLISH
    sync             the number of the last request to publish everything
    forgotten        what is older was removed from the sets below; forgotten.pushed: from the set of pushes
    missed           what is older may be incomplete: the latest hole of a host that left or was forgotten
    leader           which host collects
    job:<n>          which run of a job was the last; due:<n>: the same as a time, ran:<n>: whose it was

The sets `touched` and `written` hold what the journals say, each member once, with a score that grows from change to change and is a time
as well; `pushed` and `for-good` hold pushes and permanent deletions the same way.
"""

NAMES = ("agreement", "touched", "written", "pushed", "for-good")
KEYS = [f"fleet:{name}" for name in NAMES]

PRELUDE = """
local hash, touched, written, pushed, forgood = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local function text(number) return string.format('%.0f', number) end
local born = redis.call('HGET', hash, 'born') or ''
local whole = string.match(born, '^%S+') == ARGV[1]
for number = 2, 5 do whole = whole and redis.call('ZSCORE', KEYS[number], 'born') end
if not whole then
    born = ARGV[1] .. ' ' .. text(now)
    redis.call('HDEL', hash, 'gate.state', 'gate.token')
    redis.call('HSET', hash, 'born', born)
    for number = 2, 5 do redis.call('ZADD', KEYS[number], 0, 'born') end
end
local since = tonumber(string.match(born, '%S+$'))
"""

ALWAYS = "redis.call('HDEL', hash, '-')\n"
"""Begins a script that must work when Redis's memory is full. Only a script's first write is refused then, and never one that removes."""

READ = "return {text(now), redis.call('HGETALL', hash)}"

HEARTBEAT = (
    ALWAYS
    + """
local host, lease = ARGV[2], ARGV[3]
local seen = redis.call('HGET', hash, 'seen:' .. host)
local lapsed = 0
if seen then
    local last, length = string.match(seen, '^(%S+) (%S+)$')
    if now - tonumber(last) > tonumber(length) then lapsed = 1 end
end
redis.call('HSET', hash, 'seen:' .. host, text(now) .. ' ' .. lease)
return {text(now), lapsed, redis.call('HGETALL', hash)}
"""
)

_MISSED = """
local function missed(at)
    if at > (tonumber(redis.call('HGET', hash, 'missed') or '0')) then redis.call('HSET', hash, 'missed', text(at)) end
end
"""

LEAVE = (
    ALWAYS
    + _MISSED
    + """
missed(tonumber(ARGV[3]))
redis.call('HDEL', hash, 'seen:' .. ARGV[2], 'state:' .. ARGV[2], 'ack:' .. ARGV[2])
if redis.call('HGET', hash, 'leader') == ARGV[2] then redis.call('HDEL', hash, 'leader') end
return 1
"""
)

SET = ALWAYS + "return redis.call('HSET', hash, ARGV[2], ARGV[3])"

SYNC = ALWAYS + "return redis.call('HINCRBY', hash, 'sync', 1)"

TAKE_LOCK = (
    ALWAYS
    + """
local token, owner, lease, settle = ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
if now < since + settle then return 0 end
local untilthen = redis.call('HGET', hash, 'lock.until')
if untilthen and now < tonumber(untilthen) then return 0 end
redis.call('HSET', hash, 'lock.token', token, 'lock.owner', owner, 'lock.until', text(now + lease))
return 1
"""
)

RENEW_LOCK = (
    ALWAYS
    + """
local untilthen = redis.call('HGET', hash, 'lock.until')
if redis.call('HGET', hash, 'lock.token') ~= ARGV[2] or not untilthen or now >= tonumber(untilthen) then return 0 end
redis.call('HSET', hash, 'lock.until', text(now + tonumber(ARGV[3])))
return 1
"""
)

FREE_LOCK = """
if redis.call('HGET', hash, 'lock.token') ~= ARGV[2] then return 0 end
return redis.call('HDEL', hash, 'lock.token', 'lock.owner', 'lock.until')
"""

_CHANGE = (
    ALWAYS
    + """
local epoch = math.max(now, (tonumber(redis.call('HGET', hash, 'gate.epoch') or '0')) + 1)
local function change(state, token, reason)
    redis.call('HSET', hash, 'gate.epoch', text(epoch), 'gate.state', state, 'gate.token', token, 'gate.reason', reason,
        'gate.since', text(now), 'gate.until', '0')
end
local state, holder = redis.call('HGET', hash, 'gate.state'), redis.call('HGET', hash, 'gate.token')
"""
)

CLOSE = (
    _CHANGE
    + """
local token, reason = ARGV[2], ARGV[3]
if state == 'closed' and token ~= '' and holder == token and redis.call('HGET', hash, 'lock.token') == token then return 1 end
if state == 'closed' or (token ~= '' and (state ~= 'open' or redis.call('HGET', hash, 'lock.token') ~= token)) then return 0 end
change('closed', token, reason)
return 1
"""
)
"""By a job only an open gate, with its lock, or once more the one that it has closed already without being told.

By hand (without a token) also one of which nothing is recorded.
"""

OPEN = (
    _CHANGE
    + """
local expected, lock = ARGV[2], ARGV[3]
if lock ~= '' and redis.call('HGET', hash, 'lock.token') ~= lock then return 0 end
if state == 'open' or (state or '-') ~= (expected == '-' and '-' or 'closed') or (state and holder ~= expected) then return 0 end
change('open', '', '')
return 1
"""
)
"""Only what `expected` closed: a job's token, empty for by hand, '-' where nothing is recorded."""

MOVING = (
    ALWAYS
    + """
if redis.call('HGET', hash, 'gate.state') ~= 'closed' or redis.call('HGET', hash, 'gate.token') ~= ARGV[2] then return 0 end
redis.call('HSET', hash, 'gate.until', text(now + tonumber(ARGV[3])))
return 1
"""
)

PUBLISH = """
local score = math.max(now, (tonumber(redis.call('HGET', hash, 'score') or '0')) + 1)
redis.call('HSET', hash, 'score', text(score))
for number = 2, #ARGV, 2 do redis.call('ZADD', KEYS[tonumber(ARGV[number])], text(score), ARGV[number + 1]) end
return text(score)
"""
"""Pairs of a set's number and a member."""

CONSUME = """
local found = {text(now), born, redis.call('HGET', hash, 'score') or '0'}
for number = 2, 3 do
    found[number + 2] = redis.call('ZRANGEBYSCORE', KEYS[number], '(' .. ARGV[number], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[4])
end
return found
"""

LIST = "return {text(now), born, redis.call('ZREVRANGE', KEYS[tonumber(ARGV[2])], ARGV[3], ARGV[4], 'WITHSCORES')}"

TRIM = (
    ALWAYS
    + """
local limit = now - tonumber(ARGV[2])
local forgotten = tonumber(redis.call('HGET', hash, 'forgotten') or '0')
if limit > forgotten then redis.call('HSET', hash, 'forgotten', text(limit)) end
for number = 2, 3 do redis.call('ZREMRANGEBYSCORE', KEYS[number], 1, text(limit)) end
local before = now - tonumber(ARGV[3])
if redis.call('ZREMRANGEBYSCORE', pushed, 1, text(before)) > 0 then redis.call('HSET', hash, 'forgotten.pushed', text(before)) end
redis.call('ZREMRANGEBYSCORE', forgood, 1, text(now - tonumber(ARGV[4])))
return 1
"""
)

FORGET_HOST = (
    ALWAYS
    + _MISSED
    + """
if redis.call('HGET', hash, 'seen:' .. ARGV[2]) ~= ARGV[3] then return 0 end
local at, length = string.match(ARGV[3], '^(%S+) (%S+)$')
missed(tonumber(at) + 2 * tonumber(length))
return redis.call('HDEL', hash, 'seen:' .. ARGV[2], 'state:' .. ARGV[2], 'ack:' .. ARGV[2])
"""
)
"""What it served last, and what it had let in before and took a lease more, is missed."""

CLAIM = (
    ALWAYS
    + """
local job, run, host, patient, locks, due = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7])
local latest = now + 3600000000
if due > latest then return 'ahead' end
local last = redis.call('HGET', hash, 'job:' .. job)
if tonumber(redis.call('HGET', hash, 'due:' .. job) or '0') > latest then last = false end
if last and last == run and redis.call('HGET', hash, 'ran:' .. job) == host then return 'run' end
if last and last >= run then return 'done' end
local leader = redis.call('HGET', hash, 'leader')
local alive = false
if leader then
    local seen = redis.call('HGET', hash, 'seen:' .. leader)
    if seen then
        local at, length = string.match(seen, '^(%S+) (%S+)$')
        alive = now - tonumber(at) <= tonumber(length)
    end
end
local untilthen = redis.call('HGET', hash, 'lock.until')
if leader ~= host and locks == '1' and untilthen and now < tonumber(untilthen) then return 'wait' end
if alive and leader ~= host and patient == '1' then return 'wait' end
if not alive then redis.call('HSET', hash, 'leader', host) end
redis.call('HSET', hash, 'job:' .. job, run, 'due:' .. job, text(due), 'ran:' .. job, host)
return 'run'
"""
)
"""Whoever has not been told that a run is his asks again. A job that needs the lock is not taken from a leader while somebody has it:
whoever takes it would wait in vain, and the run would be nobody's. A host whose clock is far ahead runs nothing, nor does what it claimed
count.
"""

RESIGN = """
if redis.call('HGET', hash, 'leader') ~= ARGV[2] then return 0 end
return redis.call('HDEL', hash, 'leader')
"""
