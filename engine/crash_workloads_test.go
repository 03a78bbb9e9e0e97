package engine

import (
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/go-diskcache/diskcache/codec"
)

// workload is something done to a store, to be crashed.
type workload struct {
	name  string
	opt   Options
	later time.Duration // from the crash to the recovery
	run   func(d *driver)
}

// fourBits is a hash of which most pairs of keys collide.
func fourBits(key string) uint64 { return xxhash.Sum64String(key) & 15 }

func workloads() []workload {
	rotating := Options{SegmentSize: 1024}
	files := Options{SegmentSize: 2048, FileThreshold: 1024}
	return []workload{
		{name: "fresh", run: func(d *driver) { d.open(); d.set("a", 100); d.close() }},
		{name: "empty", run: func(d *driver) { d.open(); d.reopen(); d.reopen(); d.close() }},
		{name: "rotation", opt: Options{SegmentSize: 512}, run: rotation},
		{name: "overwrites", opt: rotating, run: overwrites},
		{name: "deletes", opt: rotating, run: deletes},
		{name: "transactions", opt: Options{SegmentSize: 2048}, run: transactions},
		{name: "large values", opt: files, run: largeValues},
		{name: "removed values", opt: files, run: removedValues},
		{name: "replaced values", opt: files, run: replacedValues},
		{name: "replaced values, interval", opt: Options{SegmentSize: 2048, FileThreshold: 1024, Sync: SyncInterval, SyncInterval: time.Hour}, run: replacedValues},
		{name: "replaced values, always", opt: Options{SegmentSize: 2048, FileThreshold: 1024, Sync: SyncAlways}, run: replacedValues},
		{name: "moved values", opt: Options{SegmentSize: 512, FileThreshold: 256}, run: movedValues},
		{name: "inherited values", opt: Options{SegmentSize: 1 << 14, FileThreshold: 256}, run: inheritedValues},
		{name: "touched values", opt: Options{SegmentSize: 1 << 11, FileThreshold: 256}, run: touchedValues},
		{name: "touched values, always", opt: Options{SegmentSize: 700, FileThreshold: 256, Sync: SyncAlways}, run: touchedValues},
		{name: "touched values, parted", opt: Options{SegmentSize: 512, FileThreshold: 256}, run: partedTouches},
		{name: "conditions", opt: files, later: time.Hour, run: conditions},
		{name: "chunks", opt: Options{}, run: chunks},
		{name: "interval", opt: Options{SegmentSize: 1024, Sync: SyncInterval, SyncInterval: time.Hour}, run: mixed},
		{name: "always", opt: Options{SegmentSize: 1024, Sync: SyncAlways, FileThreshold: 1200}, run: mixed},
		{name: "reopening", opt: Options{SegmentSize: 1536}, run: reopening},
		{name: "killing", opt: Options{SegmentSize: 1536, FileThreshold: 900}, run: killing},
		{name: "snapshots", opt: Options{SegmentSize: 4096}, run: snapshots},
		{name: "expiry", opt: rotating, later: time.Hour, run: expiry},
		{name: "collisions", opt: Options{SegmentSize: 1024, Hash: fourBits}, run: collisions},
		{name: "lz4", opt: Options{SegmentSize: 1024, Compression: codec.LZ4}, run: mixed},
		{name: "zstd", opt: Options{SegmentSize: 1024, Compression: codec.Zstd}, run: mixed},
		{name: "one segment", opt: Options{SegmentSize: 1 << 20}, run: mixed},
		{name: "compaction", opt: Options{SegmentSize: 1024}, run: compacting},
		{name: "compaction, small segments", opt: Options{SegmentSize: 512, FileThreshold: 300}, run: compacting},
		{name: "compaction, collisions", opt: Options{SegmentSize: 1024, Hash: fourBits}, run: compacting},
		{name: "compaction, kills", opt: Options{SegmentSize: 900, FileThreshold: 500}, run: compactAndDie},
		{name: "long commit", opt: Options{SegmentSize: 1 << 16}, run: longCommits},
	}
}

func rotation(d *driver) {
	d.open()
	for i := range 14 {
		d.set(fmt.Sprint("k", i%9), 60+i*40)
		if i == 5 || i == 10 {
			d.sync()
		}
	}
	d.close()
}

func overwrites(d *driver) {
	d.open()
	for i := range 16 {
		d.set([]string{"a", "b", "c"}[i%3], 50+d.rand.IntN(500))
		if i%6 == 4 {
			d.sync()
		}
	}
	d.close()
}

func deletes(d *driver) {
	d.open()
	for _, k := range []string{"a", "b", "c", "d"} {
		d.set(k, 250)
	}
	d.sync()
	d.del("a")
	d.del("b")
	d.sync()
	d.set("b", 300) // deleted and set again
	d.del("c")
	d.set("c", 30)
	d.del("c")
	d.del("never")
	d.rotate()
	d.del("b")
	d.sync()
	d.set("a", 400)
	d.del("d")
	d.reopen()
	d.del("a")
	d.set("d", 10)
	d.close()
}

func transactions(d *driver) {
	d.open()
	d.tx(put{"a", 100}, put{"b", 100}, put{"c", 100})
	d.tx(put{"a", 600}, put{"b", 500}, put{"c", 0})
	d.sync()
	d.tx(put{"a", 0}, put{"c", 900}, put{"d", 700})
	d.set("b", 20)
	d.tx(put{"a", 40}, put{"b", 40})
	d.tx(put{"a", 1900}, put{"b", 1900}, put{"c", 1900}) // longer than a segment is
	d.sync()
	d.tx(put{"b", 0}, put{"c", 0}, put{"d", 0})
	d.tx(put{"b", 333}, put{"c", 333}, put{"d", 333})
	d.close()
}

func largeValues(d *driver) {
	d.open()
	d.set("a", 3000)
	d.set("b", 5000)
	d.set("c", 100)
	d.sync()
	d.set("a", 2000)
	d.del("b")
	d.setReader("c", 4000)
	d.sync() // now files are removed
	d.set("c", 50)
	d.set("a", 1024)
	d.tx(put{"a", 1500}, put{"b", 1600}, put{"c", 0})
	d.del("a")
	d.sync()
	d.setReader("a", 1024)
	d.close()
}

// removedValues lets the background do its work at every moment: the file of a
// value that was replaced is needed until the log says on the disk that it was.
func removedValues(d *driver) {
	d.open()
	d.set("a", 3000)
	d.set("b", 2000)
	d.sync()
	d.set("a", 2500)
	d.background()
	d.del("b")
	d.background()
	d.set("c", 100)
	d.sync()
	d.background()
	d.set("a", 50)
	d.background()
	d.rotate()
	d.set("b", 1200)
	d.background()
	d.tx(put{"a", 1100}, put{"b", 0})
	d.background()
	d.close()
}

// replacedValues sets large values over what was synced: one that a power cut keeps from the
// disk must not take with it what it has replaced.
func replacedValues(d *driver) {
	d.open()
	d.set("a", 1500)
	d.set("b", 100)
	d.set("c", 2000)
	d.sync()
	d.set("a", 1800)
	d.set("b", 1200)
	d.tx(put{"c", 1300}, put{"d", 1100}, put{"e", 60})
	d.set("c", 40)
	d.rotate()
	d.set("a", 1030)
	d.background()
	d.set("b", 1040)
	d.del("a")
	d.set("a", 1700)
	d.tx(put{"a", 0}, put{"b", 1400}, put{"e", 1100})
	d.sync()
	d.set("e", 1025)
	d.set("b", 1900)
	d.set("b", 1100)
	d.close()
}

// movedValues compacts segments whose records name files that no sync has covered.
func movedValues(d *driver) {
	d.open()
	for i := range 6 {
		d.set(fmt.Sprint("k", i%5), 300+i*40)
	}
	d.sync()
	for i := range 5 {
		d.set(fmt.Sprint("k", i), 280+i*100)
	}
	d.del("k1")
	d.compact()
	d.set("k2", 700)
	d.kill()
	d.compact()
	d.set("k3", 90)
	d.kill()
	d.set("k0", 400)
	d.rotate()
	d.compact()
	d.close()
}

// inheritedValues leaves files to the next process that the one before has not synced.
func inheritedValues(d *driver) {
	d.open()
	d.set("a", 600)
	d.set("b", 20)
	d.kill()
	d.set("b", 900)
	d.set("c", 400)
	d.kill()
	d.background()
	d.set("a", 700)
	d.kill()
	d.sync()
	d.set("a", 60)
	d.set("c", 500)
	d.kill()
	d.tx(put{"a", 800}, put{"b", 0}, put{"c", 900})
	d.close()
}

// touchedValues has several records name a file, one after the other.
func touchedValues(d *driver) {
	d.open()
	d.set("a", 400)
	d.set("b", 40)
	d.touch("a", 0) // not synced yet
	d.sync()
	d.touch("a", 0)
	d.touch("b", 0)
	d.set("c", 600)
	d.rotate()
	d.touch("c", 0)
	d.background()
	d.tx(put{"a", touched}, put{"b", 500}, put{"c", touched})
	d.kill()
	d.touch("b", 0)
	d.set("a", 300)
	d.background()
	d.sync()
	d.background()
	d.compact()
	d.touch("b", 0)
	d.pop("c")
	d.kill()
	d.compact()
	d.tx(put{"a", touched}, put{"b", touched})
	d.set("b", 280)
	d.del("a")
	d.sync()
	d.close()
}

// partedTouches has a segment come to the disk which names a file that another one named first.
func partedTouches(d *driver) {
	d.open()
	d.set("b", 40)
	for i := range 3 {
		d.set("a", 300+i*100)
		d.touch("a", 0)
		for range 6 {
			d.touch("b", 0)
		}
		d.background()
	}
	d.close()
}

// conditions does what depends on what is there.
func conditions(d *driver) {
	over := crashClock.Add(time.Minute).UnixNano() // by the time of the recovery
	d.open()
	d.setIf("a", 100, IfAbsent)
	d.setIf("b", 1500, IfAbsent)
	d.setIf("a", 200, IfPresent)
	d.sync()
	d.touch("b", over)
	d.touch("a", over)
	d.setIf("c", 1300, IfAbsent)
	d.pop("c")
	d.touch("a", 0)
	d.sync()
	d.touch("b", crashClock.Add(2*time.Hour).UnixNano())
	d.setIf("b", 1100, IfPresent)
	d.pop("a")
	d.setIf("a", 1200, IfAbsent)
	d.sync()
	d.pop("b")
	d.setIf("b", 60, IfAbsent)
	d.touch("b", over)
	d.close()
}

func chunks(d *driver) {
	d.open()
	d.setReader("a", chunkSize+5000)
	d.set("b", 60_000)
	d.sync()
	d.set("a", chunkSize)
	d.del("b")
	d.close()
}

// mixed is a bit of everything that all options have.
func mixed(d *driver) {
	d.open()
	d.set("a", 200)
	d.set("b", 1300)
	d.sync()
	d.set("a", 700)
	d.del("b")
	d.tx(put{"b", 90}, put{"c", 400}, put{"d", 800})
	d.sync()
	d.set("c", 50)
	d.del("a")
	d.set("d", 1250)
	d.tx(put{"a", 500}, put{"c", 0})
	d.reopen()
	d.del("d")
	d.set("a", 35)
	d.close()
}

// compacting deletes and overwrites across segments that are cleared meanwhile.
func compacting(d *driver) {
	d.open()
	for i := range 8 {
		d.set(fmt.Sprint("k", i%5), 100+i*50)
	}
	d.sync()
	d.del("k1")
	d.set("k2", 200)
	d.compact()
	d.del("k3")
	d.set("k1", 90)
	d.sync()
	d.compact()
	d.del("k1")
	d.tx(put{"k2", 0}, put{"k4", 400})
	d.rotate()
	d.compact()
	d.sync()
	d.compact()
	d.reopen()
	d.compact()
	d.set("k0", 60)
	d.del("k4")
	d.compact()
	d.close()
}

// compactAndDie lets processes die between compactions.
func compactAndDie(d *driver) {
	d.open()
	for round := range 3 {
		for i := range 4 {
			d.set(fmt.Sprint("k", (i+round)%5), 100+i*200)
		}
		d.del(fmt.Sprint("k", round))
		d.compact()
		if round == 1 {
			d.sync()
		}
		d.kill()
		d.compact()
	}
	d.close()
}

func reopening(d *driver) {
	d.open()
	d.set("a", 500)
	d.set("b", 500)
	d.reopen()
	d.set("a", 600)
	d.reopen()
	d.del("b")
	d.set("c", 900)
	d.set("d", 900)
	d.reopen()
	d.reopen() // the snapshot is as it was
	d.del("a")
	d.sync()
	d.set("b", 77)
	d.close()
}

func killing(d *driver) {
	d.open()
	d.set("a", 500)
	d.set("b", 950)
	d.kill()
	d.set("a", 1000)
	d.del("b")
	d.sync()
	d.set("c", 300)
	d.kill()
	d.set("c", 310)
	d.kill()
	d.kill() // nothing was done between
	d.set("b", 44)
	d.reopen()
	d.del("c")
	d.kill()
	d.close()
}

func snapshots(d *driver) {
	d.open()
	for i := range 12 {
		d.set(fmt.Sprint("k", i), 200)
	}
	d.reopen()
	for i := range 6 {
		d.set(fmt.Sprint("k", i*2), 210)
		d.del(fmt.Sprint("k", i*2+1))
	}
	d.reopen()
	d.set("k0", 99)
	d.close()
}

func expiry(d *driver) {
	at := func(d time.Duration) Attrs { return Attrs{Expires: crashClock.Add(d).UnixNano(), Tag: "t"} }
	d.open()
	d.setWith("a", 100, at(30*time.Minute)) // over by the time of the recovery
	d.setWith("b", 300, at(2*time.Hour))
	d.set("c", 200)
	d.sync()
	d.setWith("c", 400, at(time.Minute)) // hides what is older
	d.set("a", 200)
	d.setWith("b", 100, at(time.Minute))
	d.setWith("d", 500, at(-time.Minute)) // never to be seen
	d.sync()
	d.setWith("a", 200, at(3*time.Hour))
	d.del("c")
	d.setWith("c", 400, at(time.Second))
	d.close()
}

func collisions(d *driver) {
	d.open()
	for i := range 24 {
		d.set(fmt.Sprint("k", i), 100)
	}
	d.sync()
	for i := range 12 {
		d.del(fmt.Sprint("k", i))
		d.set(fmt.Sprint("k", i+12), 120)
	}
	d.tx(put{"k1", 30}, put{"k2", 30}, put{"k3", 30}, put{"k12", 0}, put{"k13", 0})
	d.sync()
	d.set("k4", 100)
	d.reopen()
	d.del("k14")
	d.tx(put{"k14", 50}, put{"k15", 0}, put{"k16", 60})
	d.close()
}

// longCommits are torn in many places.
func longCommits(d *driver) {
	d.open()
	d.tx(put{"a", 9000}, put{"b", 5000}, put{"c", 12_000})
	d.set("d", 20_000)
	d.sync()
	d.tx(put{"a", 14_000}, put{"b", 0}, put{"d", 9000})
	d.set("c", 30_000)
	d.close()
}
