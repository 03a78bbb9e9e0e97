// Package recipe has what programs that share a diskcache.Store agree by: Lock, RLock, Semaphore,
// Barrier, Throttle, Averager and Memoize. They work between goroutines, processes and, on a
// network disk, hosts, as far as the store does.
//
// # Leases
//
// Who acquires a Lock, an RLock or a Semaphore gets a Hold. It is a lease: a goroutine of the Hold
// renews it three times in its length until Release, which ends the goroutine. A process that
// dies renews nothing more, and when the lease is over others get in. A holder that could not renew
// in time, because the disk or the process stood still, is told: the context of the Hold ends, its
// cause being ErrLost, before anybody else can get in. That holds as long as clocks run evenly; a
// process that is stopped altogether learns it when it goes on. What must not be written by two
// should therefore be told Token, which grows from holder to holder, and refuse a lower one than it
// has seen. When a lease is over is told by the wall clock: hosts that share a store need clocks
// that agree, and leases that are long beside what they differ by.
//
// # Waiting
//
// Waiting takes a context and sleeps in Store.Wait until what it waits for has changed. Nothing spins.
//
// # Fairness
//
// Locks and semaphores are not fair: who comes first when one is given up has it, and may overtake who
// has waited longer. One that is free does not stay so while somebody waits. A Throttle is fair:
// calls are let through in the order in which they have asked.
//
// # Limits
//
// A store that gives up items when it is full may give up a lock, and its holder is told that it was
// lost. A store for locks has no limit, or diskcache.PolicyNone.
//
// Files, in reading order: hold.go, lease.go, holders.go, then one for each recipe.
package recipe
