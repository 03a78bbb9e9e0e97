// Package storetest tests that a [diskcache.Store] does what the contract says. Every store is
// tested by one line:
//
//	storetest.Run(t, func(t *testing.T) storetest.Env { … })
//
// Read storetest.go first; each other file tests a part of the contract: read.go, change.go,
// ttl.go, number.go, queue.go, order.go, scan.go, tx.go, wait.go, bad.go. model.go runs random
// operations beside a model that is a few plain loops, and linear.go looks for an order that
// explains what several goroutines have seen; process.go runs linear.go and delivery.go in several
// processes. fault.go has the disks fail: disks.go, faultops.go, faultmodel.go.
package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/go-diskcache/diskcache"
)

// Env is a store to be tested and what a test needs to know of it.
type Env struct {
	// Store is empty. The test closes it.
	Store diskcache.Store
	// Clock is the one that items expire by.
	Clock *Clock
	// OrderByClock says that the order of insertion of different keys is that of the clock alone,
	// and versions too. The clock of the tests stands still, so they do not compare this order.
	OrderByClock bool
	// Reopen closes the store and opens it anew. nil: it does not persist.
	Reopen func() diskcache.Store
}

// Run runs all tests, each on a store of its own that open returns.
func Run(t *testing.T, open func(t *testing.T) Env) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := open(t)
			x := &env{T: t, Store: e.Store, clock: e.Clock, reopen: e.Reopen, anyOrder: e.OrderByClock}
			t.Cleanup(func() { _ = x.Store.Close() }) // a test may have closed it
			c.run(x)
		})
	}
}

type testCase struct {
	name string
	run  func(e *env)
}

var cases = concat(readCases, changeCases, ttlCases, numberCases, queueCases, orderCases, scanCases,
	txCases, waitCases, badCases, modelCases, linearCases)

func concat(lists ...[]testCase) (all []testCase) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// env is a test and its store.
type env struct {
	*testing.T
	diskcache.Store
	clock    *Clock
	reopen   func() diskcache.Store
	anyOrder bool
	crew     *crew // nil: the test is of this process alone
}

// Clock is a clock that stands still until it is set forward.
type Clock struct {
	mu   sync.Mutex
	now  time.Time
	hook func()
}

// NewClock returns a clock that shows the present time.
func NewClock() *Clock { return &Clock{now: time.Now().Round(0)} }

// Now returns what the clock shows. It is for the Now of a store's options.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	now, hook := c.now, c.hook
	c.mu.Unlock()
	if hook != nil {
		hook()
	}
	return now
}

// Advance sets the clock forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// onNow has hook called whenever somebody looks at the clock.
func (c *Clock) onNow(hook func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hook = hook
}
