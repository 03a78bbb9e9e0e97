// Package collection has a double-ended queue and an ordered map that are kept in a
// diskcache.Store: they outlive the program, and any number of goroutines and processes use
// them at once.
//
// What is changed in more than one step is changed in one transaction: nobody sees a deque
// half turned round, and a process that dies leaves it as it was before. A transaction is
// limited by what the store takes in one, so that turning a deque round that is larger returns
// diskcache.ErrTooLarge and changes nothing.
//
// A store that is full gives up items, elements of a collection too. A store that is to lose
// nothing has no limit, or diskcache.PolicyNone.
//
// Files, in reading order: deque.go (the ends), place.go (elements by place and value),
// order.go (Rotate, Reverse), walk.go (iteration, comparing); index.go, indexwalk.go.
package collection
