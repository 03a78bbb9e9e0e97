package memory

import "github.com/go-diskcache/diskcache"

// policy says what a full store gives up. All but hit is called with the writer lock.
type policy interface {
	add(*slot)
	replaced(*slot) // it has another entry
	remove(*slot)   // unless it was a victim
	hit(*slot)      // it was read, by any goroutine
	// victim takes out the slot that is to go next, other than those kept. nil: there is none.
	victim(kept func(key string) bool) *slot
}

func newPolicy(o *Options) policy {
	switch {
	case !o.limited() || o.Policy == diskcache.PolicyNone:
		return keepAll{}
	case o.Policy == diskcache.PolicyS3FIFO:
		return newS3FIFO(o)
	}
	return &ranked{policy: o.Policy, heap: newRanks()}
}

// keepAll gives up nothing.
type keepAll struct{}

func (keepAll) add(*slot)                      {}
func (keepAll) replaced(*slot)                 {}
func (keepAll) remove(*slot)                   {}
func (keepAll) hit(*slot)                      {}
func (keepAll) victim(func(string) bool) *slot { return nil }
