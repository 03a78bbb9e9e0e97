package contest

// Order is one line that a process is told. What is empty does not matter to the order.
//
//	begin    keys, base, sizes, seed   what keys there are; held: of how many it holds the first version
//	open     dir, sync, compression    write: expire, if the clock will be put ahead for the order expire
//	close
//	set      from, to                  keys by number, each its next version; batch: so many together
//	fill     to                        every key below to that is not there; unmeasured
//	get      from, to                  each once; or else, with n:
//	get      n, keys, ms               keys drawn from those below n, for so long
//	miss     ms                        keys that nobody sets
//	overwrite n, keys, ms              as get
//	mix      n, keys, ms, reads, write reads of a hundred operations are Gets, deletes of them deletes, the others what write says
//	delete   from, to
//	compact  n, keys                   with Gets meanwhile, whose latencies are answered
//	verify   to                        every key below to: is it what was set last?
//	memory
//	write    from, to                  keys of its own, again and again, until stop
//	stop
//	share    place, procs              other processes set the same keys: each those of its place
//
// What not every store can do:
//
//	add      from, to                  as set, only if they are not there, and they are not
//	incr     from, to                  counters by number, each once; or drawn, with n, keys, ms: add 1
//	push     to                        so many values to the back of the queue; unmeasured
//	queue    ms                        one pushed and one pulled, of the other end, again and again
//	peek     ms                        what was inserted first and last, by turns; only after inserting in order
//	walk     ms                        all keys in the order of insertion, again and again; ops are keys
//	mark     to, write                 every key below to that is not there, with one of ten tags, or ends; unmeasured
//	evict                              what has one of the tags: each time the next; ops are keys that were removed
//	expire                             what is over, after the clock was put ahead by as much as a tenth takes
//	clear
//
// From, to and ms all bound set and delete: who is slow does not get through.
// Where timed is set each operation is, and latencies are answered. With a rate they count from
// when an operation was to begin.
type Order struct {
	Do          string  `json:"do"`
	Dir         string  `json:"dir,omitempty"`
	Sync        string  `json:"sync,omitempty"`
	Compression string  `json:"compression,omitempty"`
	KeyCount    int     `json:"key_count,omitempty"`
	Base        uint64  `json:"base,omitempty"`
	Held        int     `json:"held,omitempty"`
	Sizes       string  `json:"sizes,omitempty"`
	Seed        uint64  `json:"seed,omitempty"`
	From        int     `json:"from,omitempty"`
	To          int     `json:"to,omitempty"`
	N           int     `json:"n,omitempty"`
	Keys        string  `json:"keys,omitempty"`
	Millis      int     `json:"ms,omitempty"`
	Goroutines  int     `json:"goroutines,omitempty"` // 1 if not given
	Batch       int     `json:"batch,omitempty"`
	Reads       int     `json:"reads,omitempty"`
	Deletes     int     `json:"deletes,omitempty"`
	Write       string  `json:"write,omitempty"` // of mix: overwrite, insert, modify, expire; of mark: tag, expire
	Place       int     `json:"place,omitempty"`
	Procs       int     `json:"procs,omitempty"`
	Timed       bool    `json:"timed,omitempty"`
	Rate        float64 `json:"rate,omitempty"` // operations per second, of all goroutines; 0: as fast as it can
}

// draws tells whether an order without keys by number is for drawn ones.
func (o *Order) draws() bool { return o.Do != "miss" && o.Do != "queue" && o.Do != "peek" }

// Answer is what a process says to an order, on one line.
type Answer struct {
	Error       string    `json:"error,omitempty"`
	Wrong       bool      `json:"wrong,omitempty"`       // the error is that a value was not what it had to be
	Unsupported bool      `json:"unsupported,omitempty"` // the error is that the store has no such thing
	Nanos       int64     `json:"ns"`
	Ops         int       `json:"ops,omitempty"`
	Lost        int       `json:"lost,omitempty"`    // keys that a store which does not promise to keep them has not
	Failed      int       `json:"failed,omitempty"`  // Gets while it compacted
	Took        int64     `json:"took_ns,omitempty"` // by compacting; the others are of the Gets
	Latency     *Latency  `json:"latency,omitempty"`
	Memory      *Memory   `json:"memory,omitempty"`
	Hello       *Promises `json:"hello,omitempty"` // the first line, before any order
}

// Memory is what a process takes.
type Memory struct {
	Anonymous int64 `json:"anonymous"` // heap and the like, garbage excluded
	Mapped    int64 `json:"mapped"`    // of files
}
