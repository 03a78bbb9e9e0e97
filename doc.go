// Package diskcache is a persistent cache in a directory: keys and values that
// outlive the program, may be larger than memory, and survive every crash.
//
//	c, err := diskcache.Open(dir, nil)
//	err = c.Set("k", value, diskcache.TTL(time.Hour))
//	v, err := c.Get("k") // errors.Is(err, diskcache.ErrNotFound) on a miss
//	err = c.Close()
//
// # What it promises
//
// A Get returns a value that was set for that very key, whole, or an error: the
// checksum of the record and the key in it are compared on every read. An item
// that has expired is never served. A damaged record costs that record alone.
//
// What a Set that returned has stored survives the death of the process (kill
// -9). Whether it survives a power cut is chosen by Options.Sync; Cache.Sync puts
// all of it on the disk at any time. docs/durability.md says what survives what.
//
// # How it works
//
// The directory holds append-only segment files. Every change is a commit, a
// checksummed batch of records appended in one write. An index in memory, of some
// ten bytes a key, says where the newest record of each key lies, so a Get is one
// read. Closing leaves the index in a file, so that opening takes milliseconds.
//
// All methods of a Cache may be called by any number of goroutines at once, and any
// number of processes may have a directory open: those of one machine, or, on a network
// disk, of many.
package diskcache
