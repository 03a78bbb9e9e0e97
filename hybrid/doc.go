// Package hybrid keeps copies of a cache's items in memory, before it reads the disk.
//
//	c, err := diskcache.Open(dir, nil)
//	s, err := hybrid.New(c, &hybrid.Options{MemoryLimit: 64 << 20})
//	v, err := s.Get("k")
//
// It is for values that are dear to read: compressed ones, those of network disks, and those of
// disks that are not mapped. A small value that is neither costs about the same from the page
// cache of the system.
//
// # Coherence
//
// A copy is known by the place of its record (diskcache.Place), which no other record ever has,
// and is handed out only while the index of the cache says that this is the newest one of the
// key. So a read returns what the cache would have returned, also when another process, or this
// one through the Cache itself, a transaction or a walk, has changed it: nothing has to be told
// to the memory, and nothing in it can be out of date. Only Get, GetAppend and Item use it;
// all else is that of the cache.
//
// # What is lost when
//
// All that is stored is stored in the cache, before the call returns: the memory has copies
// alone, and to lose them costs time. They are lost when the process ends, when the memory is
// full, and when compaction moves the record. What a crash or a power cut may take is what
// docs/durability.md says of the cache.
//
// # What is taken in
//
// A key is taken in when it is read for the second time within a while (Options.AdmitFirst,
// Options.WriteThrough): what is read once only does not displace what is read often. The memory
// is a cache of otter (W-TinyLFU), which decides what goes.
package hybrid
