// Package typed gives a [diskcache.Store] keys and values of Go types, and loads what is not
// there.
//
//	users := typed.New(store, typed.JSON[User](), typed.Ints[int64](), nil)
//	u, err := users.Fetch(ctx, 17, func(ctx context.Context) (User, error) {
//		return db.User(ctx, 17)
//	}, &typed.FetchOptions{TTL: time.Minute})
//
// [Store.Fetch] calls load once however many ask for a key at the same time, in this process
// and, with a Lease, in all; it can remember that there is nothing, serve what is stale while
// one refreshes it, and load anew by chance before the time is over, so that not all find it
// over at once.
//
// # What is stored
//
// A value is what its [Serializer] makes of it, under what [Keys] make of its key. Values that
// Fetch has stored have sixteen bytes more at their end, which say until when they are fresh and
// how long loading took, and [KindFetched] says so. What Fetch notes beside, leases and what is
// known to be missing, is under keys that begin with "\x00typed\x00".
//
// A value that cannot be decoded is a [*DecodeError], and its item stays. One that the store finds
// damaged is an error of the store to all but Fetch, which loads it anew.
package typed
