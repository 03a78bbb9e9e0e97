// Package contest is what the stores that "dcbench compare" compares have in common: who is
// asked what, with which keys and values.
//
//	dcbench compare ──orders──▶ dcbench child store diskcache     the library, limits, plain files
//	                ──orders──▶ peers store bbolt                 the module cmd/dcbench/peers
//	                ──orders──▶ python3 -c contest.py             python-diskcache, diskcache_rs
//
// Each store has a process of its own, which does nothing until it is ordered to. Orders and
// answers are JSON, one to a line (order.go). What an order says is all that a process knows, so
// that a process in another language is one file; what it must do is said there. The same orders
// serve "dcbench run -w procs", where the processes have one directory.
//
// Keys are numbers to who gives the orders. Key and value follow from the number (key.go,
// text.go), and a value from how often its key was set, too. So every process knows what it must
// find, and nobody has to send it. That is looked at when nobody measures: the order "verify" reads
// every key back, by the way by which it is read while measured. In the measured loop only a value's
// length is compared.
//
// To read: store.go, order.go, key.go, text.go, sizes.go; player.go, which obeys; crew.go and
// operation.go for what is measured; latency.go; verify.go. What not every store has is in
// optional.go, with counter.go, queue.go, walk.go and sweep.go; share.go is for several processes with
// the same keys.
package contest
