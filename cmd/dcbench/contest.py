# A store that is called from Python, told what to do by dcbench: see the package contest, in
# internal/contest, of which this is the other half. What is said there is not said again here.
import hashlib
import json
import random
import sys
import threading
import time
from itertools import accumulate

MASK = (1 << 64) - 1
MISSING = 1 << 40
COUNTING = 1 << 41
QUEUED = 1 << 42
PARTS = 10
DAY = 24 * 3600
PLACES = 1 << 18
DELETED = 1 << 31
DRAWN = 1 << 16
QUANTILES = [0, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 100]


class Wrong(Exception):
    pass


class Unsupported(Exception):
    pass


class DiskCache:
    """python-diskcache, as a cache that gives nothing up."""

    def __init__(self, directory, sync):
        import diskcache

        if sync == "interval":
            raise Unsupported("sync " + sync)
        full = {"sqlite_synchronous": 2} if sync == "always" else {}
        self.cache = diskcache.Cache(directory, eviction_policy="none", size_limit=1 << 40, **full)
        c = self.cache
        self.get, self.set, self.close, self.add, self.incr = c.get, c.set, c.close, c.add, c.incr
        self.push, self.pull, self.peekitem = c.push, c.pull, c.peekitem
        self.evict, self.expire, self.clear = c.evict, c.expire, c.clear

    def keys(self):
        return iter(self.cache)

    def size(self):
        return len(self.cache)

    def delete(self, key):
        if not self.cache.delete(key):
            raise KeyError(key)

    def batch(self, items):
        with self.cache.transact():
            for key, value in items:
                self.cache.set(key, value)

    def compact(self):
        raise Unsupported("compact")


class DiskCacheRS:
    """diskcache_rs, as it is opened by default but for its limits. Its keys are text."""

    def __init__(self, directory, sync):
        import diskcache_rs

        if sync != "never":
            raise Unsupported("sync " + sync)
        self.cache = diskcache_rs.Cache(directory, max_size=1 << 40, max_entries=1 << 30)
        self.close = self.cache.close

    def get(self, key):
        return self.cache.get(key.hex())

    def set(self, key, value, expire=None):
        if not self.cache.set(key.hex(), value, expire=expire):
            raise RuntimeError("set failed")

    def delete(self, key):
        self.cache.delete(key.hex())

    def batch(self, items):
        if self.cache.set_many([(key.hex(), value) for key, value in items]) != len(items):
            raise RuntimeError("set_many failed")

    def compact(self):
        self.cache.vacuum()


def mix(x):
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & MASK
    return x ^ x >> 31


def key_of(n):
    return mix(n).to_bytes(8, "big") + n.to_bytes(8, "big")


class Sizes:
    def __init__(self, name):
        self.parts = []
        for part in name.split(","):
            share, colon, sizes = part.partition(":")
            least, _, most = sizes.partition("-")
            self.parts.append((int(share), int(least), int(most)) if colon else (100, int(part), int(part)))

    def of(self, n):
        if len(self.parts) == 1:
            return self.parts[0][1]
        r = mix(n ^ MASK)
        percent = r % 100
        for share, least, most in self.parts:
            percent -= share
            if percent < 0:
                return least + (r >> 8) % (most - least + 1)

    def most(self):
        return max(most for _, _, most in self.parts)


class Run:
    """What is measured: operations from first on, until they are done or the time is over."""

    def __init__(self, order, first, to, do):
        self.first, self.to, self.do = first, to, do
        self.of = order.get("goroutines", 1)
        self.timed, self.rate = order.get("timed", False), order.get("rate", 0)
        self.limit = order.get("ms", 0) / 1000
        self.over, self.ops, self.times, self.errors = False, 0, [], []
        self.behind = 0

    def run(self):
        self.began = time.perf_counter()
        self.end = self.began + self.limit if self.limit else float("inf")
        if self.of == 1:
            self.work(0)
        else:
            threads = [threading.Thread(target=self.work, args=(place,)) for place in range(self.of)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
        took = time.perf_counter() - self.began
        if self.errors:
            raise self.errors[0]
        answer = {"ns": max(1, int(took * 1e9)), "ops": self.ops}
        if self.timed and self.times:
            answer["latency"] = self.latency()
        return answer

    def work(self, place):
        ops, times = 0, []
        try:
            i = self.first + place
            while i < self.to and (ops == 0 or not self.over and time.perf_counter() < self.end):
                if self.timed:
                    times.append(self.one(i, place))
                else:
                    self.do(i, place)
                ops += 1
                i += self.of
        except Exception as e:
            self.errors.append(e)
            self.over = True
        self.ops += ops
        self.times += times

    def one(self, i, place):
        start = time.perf_counter_ns()
        if self.rate:
            turn = int(self.began * 1e9 + (i - self.first) / self.rate * 1e9)
            self.behind = max(0, start - turn)
            if turn > start:
                time.sleep((turn - start) / 1e9)
            start = turn
        self.do(i, place)
        return max(1, time.perf_counter_ns() - start)

    def latency(self):
        self.times.sort()
        last = len(self.times) - 1
        at = [self.times[min(last, int(q / 100 * len(self.times)))] for q in QUANTILES]
        return {"n": len(self.times), "ns": at, "behind_ns": self.behind}


class Player:
    def __init__(self, make, memory, survives):
        self.make, self.memory_only, self.survives = make, memory, survives
        self.store = self.aim = self.writing = None
        self.begun = 0
        self.place, self.procs = 0, 1

    def answer(self, order):
        start = time.perf_counter_ns()
        do = getattr(self, "do_" + order["do"], None)
        if do is None:
            raise ValueError("unknown order " + order["do"])
        answer = do(order) or {}
        answer.setdefault("ns", time.perf_counter_ns() - start)
        return answer

    def do_begin(self, o):
        self.base, self.seed = o.get("base", 0), o.get("seed", 0)
        self.sizes = Sizes(o["sizes"])
        held = o.get("held", 0)
        self.held, self.high = held > 0, held
        self.versions = [1] * held + [0] * (o["key_count"] - held)
        self.names = [key_of(self.base + n) for n in range(o["key_count"])]  # making them is not what is measured
        self.counts, self.pushed, self.pulled, self.walked = {}, 0, 0, False
        self.turn, self.start = 0, time.time()
        blocks = (PLACES + self.sizes.most()) // 32 + 1
        seed = self.seed.to_bytes(8, "big")
        self.text = b"".join(hashlib.sha256(seed + i.to_bytes(8, "big")).digest() for i in range(blocks))

    def do_open(self, o):
        if o.get("compression", "none") != "none":
            raise Unsupported("compression")
        self.store = self.make(o["dir"], o["sync"])

    def do_close(self, o):
        self.store.close()
        self.store = None

    def do_memory(self, o):
        fields = {}
        with open("/proc/self/status") as f:
            for line in f:
                name, _, rest = line.partition(":")
                fields[name] = rest
        kib = lambda name: int(fields[name].split()[0]) << 10
        return {"memory": {"anonymous": kib("RssAnon"), "mapped": kib("RssFile")}}

    def value(self, n, version):
        at = mix(((self.base + n) << 20 ^ version) & MASK) % PLACES
        return self.text[at : at + self.sizes.of(n)]

    def next(self, n):
        version = (self.versions[n] & ~DELETED) + 1
        return self.names[n], self.value(n, version), version

    def there(self, n):
        v = self.versions[n]
        return v != 0 and v < DELETED

    def aim_at(self, keys, n):
        if self.aim == (keys, n):
            return
        r = random.Random(self.own_seed())
        self.latest = keys.startswith("latest:")
        if keys == "uniform":
            self.drawn = [r.randrange(n) for _ in range(DRAWN)]
        else:
            theta = float(keys.partition(":")[2])
            weights = list(accumulate((k + 1) ** -theta for k in range(n)))
            self.drawn = r.choices(range(n), cum_weights=weights, k=DRAWN)
            if not self.latest:
                deal = list(range(n))
                r.shuffle(deal)
                self.drawn = [deal[k] for k in self.drawn]
        self.aim, self.n = (keys, n), n

    def at(self, i):
        n = self.drawn[i % DRAWN]
        if not self.latest:
            return n
        n = self.high - 1 - n
        while n > 0 and not self.there(n):
            n -= 1
        return n

    def own_seed(self):
        return self.seed ^ self.place << 32

    def mine(self, n):
        return n % self.procs == self.place

    def own(self, n, place, of):
        if self.procs > 1:
            place, of = self.place, self.procs
        n = n - n % of + place
        return n if n < self.n else n - of

    def set(self, n, expire=None):
        key, value, version = self.next(n)
        self.store.set(key, value, expire=expire)
        self.versions[n] = version

    def get(self, n):
        v = self.store.get(self.names[n])
        if v is None and self.may_forget():
            return
        if v is None and self.there(n) and self.mine(n):
            raise Wrong("key %d is lost" % n)
        if v is None:
            raise KeyError("key %d" % n)
        if len(v) != self.sizes.of(n):
            raise Wrong("key %d: a value of %d bytes" % (n, len(v)))

    def look(self, n):
        v = self.store.get(self.names[n])
        if v is None:
            if self.there(n) and self.mine(n):
                raise Wrong("key %d is lost" % n)
        elif len(v) != self.sizes.of(n):
            raise Wrong("key %d: a value of %d bytes" % (n, len(v)))

    def may_forget(self):
        return self.memory_only or self.held and not self.survives

    def remove(self, n):
        if self.there(n):
            self.store.delete(self.names[n])
            self.versions[n] |= DELETED

    def miss(self, n):
        if self.store.get(key_of(MISSING + self.base + n)) is not None:
            raise Wrong("key %d, which nobody has set, is there" % (MISSING + n))

    def batch(self, numbers):
        items = [self.next(n) for n in numbers]
        if items:
            self.store.batch([(key, value) for key, value, _ in items])
        for n, (_, _, version) in zip(numbers, items):
            self.versions[n] = version

    def do_set(self, o):
        first, to, batch = o.get("from", 0), o["to"], o.get("batch", 1)
        do = lambda i, place: self.set(i)
        if batch > 1:
            start = first
            do = lambda i, place: self.batch(range(start + i * batch, min(start + (i + 1) * batch, to)))
            first, last = 0, -(-(to - start) // batch)
            answer = Run(o, first, last, do).run()
            answer["ops"] = min(answer["ops"] * batch, to - start)
        else:
            answer = Run(o, first, to, do).run()
        self.high = max(self.high, to)
        return answer

    def drawn_run(self, o, do):
        self.aim_at(o["keys"], o["n"])
        answer = Run(o, self.begun, 1 << 62, do).run()
        self.begun += answer["ops"]
        return answer

    def do_get(self, o):
        if o.get("to"):
            return Run(o, o.get("from", 0), o["to"], lambda i, place: self.get(i)).run()
        return self.drawn_run(o, lambda i, place: self.get(self.at(i)))

    def do_miss(self, o):
        answer = Run(o, self.begun, 1 << 62, lambda i, place: self.miss(i)).run()
        self.begun += answer["ops"]
        return answer

    def do_delete(self, o):
        return Run(o, o.get("from", 0), o["to"], lambda i, place: self.remove(i)).run()

    def do_overwrite(self, o):
        if o.get("to"):
            return self.do_set(o)
        of = o.get("goroutines", 1)
        return self.drawn_run(o, lambda i, place: self.set(self.own(self.at(i), place, of)))

    def do_mix(self, o):
        of, reads = o.get("goroutines", 1), o.get("reads", 0)
        deletes, seed = reads + o.get("deletes", 0), self.own_seed()
        get = self.look if deletes > reads else self.get
        lock = threading.Lock()

        def insert(i, place):
            with lock:
                n = self.high
                if n < len(self.versions):
                    self.high += 1
            if n < len(self.versions):
                self.set(n)
            else:
                self.set(self.own(self.drawn[i % DRAWN], place, of))

        def overwrite(i, place):
            self.set(self.own(self.at(i), place, of))

        def modify(i, place):
            n = self.own(self.at(i), place, of)
            self.get(n)
            self.set(n)

        def expire(i, place):
            self.set(self.own(self.at(i), place, of), expire=3600)

        write = {"insert": insert, "overwrite": overwrite, "modify": modify, "expire": expire}[o["write"]]

        def do(i, place):
            r = mix(i ^ seed) % 100
            if r < reads:
                get(self.at(i))
            elif r < deletes:
                self.remove(self.own(self.at(i), place, of))
            else:
                write(i, place)

        return self.drawn_run(o, do)

    def do_share(self, o):
        self.place, self.procs, self.aim = o.get("place", 0), o["procs"], None

    def more(self, name):
        """What not every store has."""
        method = getattr(self.store, name, None)
        if method is None:
            raise Unsupported(name)
        return method

    def do_add(self, o):
        add = self.more("add")

        def do(n, place):
            key, value, version = self.next(n)
            if not add(key, value):
                raise Wrong("key %d was not added, and nobody has set it" % n)
            self.versions[n] = version

        answer = Run(o, o.get("from", 0), o["to"], do).run()
        self.high = max(self.high, o["to"])
        return answer

    def do_incr(self, o):
        incr, counts = self.more("incr"), self.counts

        def count(n):
            counts[n] = want = counts.get(n, 0) + 1
            if incr(key_of(COUNTING + self.base + n)) != want:
                raise Wrong("counter %d is not %d" % (n, want))

        if o.get("to"):
            return Run(o, o.get("from", 0), o["to"], lambda i, place: count(i)).run()
        of = o.get("goroutines", 1)
        return self.drawn_run(o, lambda i, place: count(self.own(self.at(i), place, of)))

    def queued_value(self, n):
        at = mix(((QUEUED + self.base + n) << 20 ^ 1) & MASK) % PLACES
        return self.text[at : at + self.sizes.of(n)]

    def pull(self, pull):
        key, value = pull()
        if key is None:
            raise Wrong("value %d of the queue is lost" % self.pulled)
        if len(value) != self.sizes.of(self.pulled):
            raise Wrong("value %d of the queue: %d bytes" % (self.pulled, len(value)))
        self.pulled += 1
        return value

    def do_push(self, o):
        push = self.more("push")
        for _ in range(o["to"]):
            push(self.queued_value(self.pushed))
            self.pushed += 1

    def do_queue(self, o):
        push, pull = self.more("push"), self.more("pull")

        def do(i, place):
            push(self.queued_value(self.pushed))
            self.pushed += 1
            self.pull(pull)

        return Run(o, self.begun, 1 << 62, do).run()

    def do_peek(self, o):
        peek = self.more("peekitem")
        there = [n for n in range(len(self.versions)) if self.there(n)]
        ends = [(self.names[n], self.value(n, self.versions[n])) for n in (there[0], there[-1])]

        def do(i, place):
            last = bool(i & 1)
            if peek(last) != ends[last]:
                raise Wrong("the end %d has another key or value" % last)

        return Run(o, 0, 1 << 62, do).run()

    def do_walk(self, o):
        keys = self.more("keys")
        self.walked, ops = True, 0
        want = sum(1 for n in range(len(self.versions)) if self.there(n))
        start = time.perf_counter_ns()
        while ops == 0 or time.perf_counter_ns() - start < o.get("ms", 0) * 1e6:
            found = 0
            for _ in keys():
                found += 1
            if found != want or want == 0:
                raise Wrong("a walk has found %d keys of %d" % (found, want))
            ops += found
        return {"ns": time.perf_counter_ns() - start, "ops": ops}

    def end_of(self, n):
        wait = (n - self.turn) % PARTS
        return self.start + (self.turn + wait + 0.5) * DAY + n / 1000

    def do_mark(self, o):
        self.more("evict")
        tagged = {"tag": True, "expire": False}[o["write"]]
        for n in range(o["to"]):
            if self.there(n):
                continue
            key, value, version = self.next(n)
            if tagged:
                self.store.set(key, value, tag="tag%d" % (n % PARTS))
            else:
                self.store.set(key, value, expire=self.end_of(n) - time.time())
            self.versions[n] = version
        self.high = max(self.high, o["to"])

    def sweep(self, name, *args):
        call = self.more(name)
        start = time.perf_counter_ns()
        said = call(*args)
        took = time.perf_counter_ns() - start
        gone = left = 0
        for n in range(len(self.versions)):
            if not self.there(n):
                continue
            if name == "clear" or n % PARTS == self.turn % PARTS:
                self.versions[n] |= DELETED
                gone += 1
            else:
                left += 1
        self.turn += 1
        found = self.store.size()
        if found != left or said > gone:
            raise Wrong("%s has removed %d of %d, and left %d of %d" % (name, said, gone, found, left))
        return {"ns": took, "ops": gone}

    def do_evict(self, o):
        return self.sweep("evict", "tag%d" % (self.turn % PARTS))

    def do_expire(self, o):
        return self.sweep("expire", self.start + (self.turn + 1) * DAY)

    def do_clear(self, o):
        return self.sweep("clear")

    def do_fill(self, o):
        for first in range(0, o["to"], 1000):
            self.batch([n for n in range(first, min(first + 1000, o["to"])) if not self.there(n)])
        self.high = max(self.high, o["to"])

    def do_compact(self, o):
        if not o.get("n"):
            self.store.compact()
            return None
        self.aim_at(o["keys"], o["n"])
        refused = 0

        def get(i, place):
            nonlocal refused
            try:
                self.get(self.at(i))
            except Wrong:
                raise
            except Exception:
                refused += 1

        gets = Run({"timed": True}, 0, 1 << 62, get)
        failed, start = [], time.perf_counter_ns()
        took = 0

        def compact():
            nonlocal took
            try:
                self.store.compact()
            except Exception as e:
                failed.append(e)
            took = time.perf_counter_ns() - start
            gets.over = True

        thread = threading.Thread(target=compact)
        thread.start()
        answer = gets.run()
        thread.join()
        if failed:
            raise failed[0]
        answer["took_ns"], answer["failed"] = took, refused
        return answer

    def do_verify(self, o):
        wrong, first, lost, ops = 0, "", 0, 0
        for n in range(min(o["to"], len(self.versions))):
            ops += 1
            v = self.store.get(self.names[n])
            if v is None and not self.there(n):
                continue
            if not self.mine(n):
                if v is None or len(v) == self.sizes.of(n):
                    continue
                wrong += 1
                first = first or "key %d, a value of %d bytes" % (n, len(v))
            elif v is None and self.may_forget():
                lost += 1
            elif not self.there(n) or v != self.value(n, self.versions[n]):
                wrong += 1
                first = first or "key %d" % n
        for n in range(100):
            self.miss(n)
        if wrong:
            raise Wrong("%d of %d keys are wrong; the first: %s" % (wrong, ops, first))
        self.verify_more()
        return {"ops": ops, "lost": lost}

    def verify_more(self):
        if self.walked:
            want = [self.names[n] for n in range(len(self.versions)) if self.there(n)]
            if list(self.store.keys()) != want:
                raise Wrong("a walk has not found the keys that are there, in order")
            self.walked = False
        for n, want in self.counts.items():
            if self.store.get(key_of(COUNTING + self.base + n)) != want:
                raise Wrong("counter %d is not %d" % (n, want))
        while self.pulled < self.pushed:
            n = self.pulled
            if self.pull(self.store.pull) != self.queued_value(n):
                raise Wrong("value %d of the queue is another than was pushed" % n)

    def do_write(self, o):
        first, keys = o.get("from", 0), o["to"] - o.get("from", 0)
        run = Run({}, 0, 1 << 62, lambda i, place: self.set(first + i % keys))
        failed = []

        def write():
            try:
                run.run()
            except Exception as e:
                failed.append(e)

        thread = threading.Thread(target=write)
        thread.start()
        self.writing = run, thread, failed

    def do_stop(self, o):
        run, thread, failed = self.writing
        run.over = True
        thread.join()
        if failed:
            raise failed[0]


def say(answer):
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


KINDS = {
    "python-diskcache": (DiskCache, "diskcache", {"verified": False, "shared": True, "bounded": True, "survives": True}),
    "diskcache_rs": (DiskCacheRS, "diskcache_rs", {"verified": False, "shared": False, "bounded": True, "survives": False}),
}


def main():
    from importlib.metadata import version

    name = sys.argv[1]
    make, package, promises = KINDS[name]
    promises.update(name=name, version=version(package), opened="from Python, nothing given up")
    player = Player(make, promises.get("memory", False), promises["survives"])
    say({"ns": 0, "hello": promises})
    for line in sys.stdin:
        try:
            say(player.answer(json.loads(line)))
        except Exception as e:
            text = "%s: %s" % (type(e).__name__, e)
            say({"ns": 0, "error": text, "wrong": isinstance(e, Wrong), "unsupported": isinstance(e, Unsupported)})
    if player.store is not None:
        player.store.close()


main()
