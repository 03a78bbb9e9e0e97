# python-diskcache, told what to do by dcbench: see peer.go.
import os
import sys
import threading
import time

import diskcache

directory, size, base = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
value = os.urandom(size)
cache = None
writing = None


def key(n):
    return (base + n).to_bytes(16, "big")


def write(stop):
    n = 0
    while not stop.is_set():
        cache.set(key(n % 1000), value)
        n += 1


def do(words):
    global cache, writing
    name, numbers = words[0], [int(w) for w in words[1:]]
    start = time.perf_counter_ns()
    if name == "open":
        # As a cache that gives nothing up, for that is how the other side is opened.
        cache = diskcache.Cache(directory, eviction_policy="none", size_limit=1 << 40)
    elif name == "close":
        cache.close()
    elif name == "set":
        for n in range(*numbers):
            cache.set(key(n), value)
    elif name == "get":
        for n in range(*numbers):
            if cache.get(key(n)) is None:
                raise KeyError(n)
    elif name == "write":
        stop = threading.Event()
        thread = threading.Thread(target=write, args=(stop,))
        thread.start()
        writing = stop, thread
    elif name == "stop":
        writing[0].set()
        writing[1].join()
    else:
        raise ValueError(name)
    return time.perf_counter_ns() - start


for line in sys.stdin:
    try:
        print("ok", do(line.split()), flush=True)
    except Exception as e:
        print("error", type(e).__name__, e, flush=True)
