package fanout

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/go-diskcache/diskcache"
)

// notesDir is the cache in which the processes note what the whole limits are and what each
// shard is asked for. Its writer lock keeps two of them from moving shares at once.
const notesDir = "limits"

// notesKey is the key of the one item there.
const notesKey = "notes"

// notesBytes is how large the cache of the notes gets. It is taken from a SizeLimit, as far as
// that is a small part of it.
const (
	notesBytes = 256 << 10
	notesPart  = 16
)

// notes are what is noted, as JSON.
type notes struct {
	Whole  amounts   `json:"whole"`  // what all shares are of; 0: there is no such limit
	At     time.Time `json:"at"`     // when demand was last made older
	Moved  time.Time `json:"moved"`  // when shares were last moved, or might have been
	Turned amounts   `json:"turned"` // given up since shares were last moved
	Demand []demand  `json:"demand"` // of the shards
}

// demand is what happened in a shard lately: what is long ago counts less.
type demand struct {
	GivenUp amounts `json:"givenUp"` // for a limit
	Hits    int64   `json:"hits"`
	Misses  int64   `json:"misses"`
}

// openNotes opens the cache of the notes of a directory of shards.
func openNotes(dir string, o *diskcache.Options) (*diskcache.Cache, error) {
	return diskcache.Open(filepath.Join(dir, notesDir), &diskcache.Options{
		SizeLimit: notesBytes, Policy: diskcache.PolicyNone,
		LockTimeout: o.LockTimeout, Network: o.Network, Freshness: o.Freshness, Locking: o.Locking, Trust: o.Trust, Logger: o.Logger,
	})
}

// hasNotes reports whether a directory has notes, of an opening that gave limits.
func hasNotes(dir string) (bool, error) {
	_, err := os.Lstat(filepath.Join(dir, notesDir))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// readNotes returns what is noted of n shards. What is not there, or damaged, is as new: the next
// Open that gives limits notes them again.
func readNotes(from diskcache.Ops, n int) (*notes, error) {
	k := &notes{}
	v, err := from.Get(notesKey)
	switch {
	case isMiss(err) || errors.Is(err, diskcache.ErrCorrupt):
	case err != nil:
		return nil, err
	case json.Unmarshal(v, k) != nil:
		k = &notes{}
	}
	for kind := range k.Whole {
		k.Whole[kind] = max(k.Whole[kind], 0)
	}
	if len(k.Demand) != n {
		k.Demand = make([]demand, n)
	}
	return k, nil
}

func (k *notes) write(to diskcache.Ops) error {
	v, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return to.Set(notesKey, v)
}

// interval is how often shares are moved, at most, and halfLife how long ago what has happened
// counts half.
const (
	interval = 2 * time.Second
	halfLife = 5 * time.Second
)

// add notes what has happened in the shards, and makes what was noted before older.
func (k *notes) add(news []demand, now time.Time) {
	left := math.Exp2(-float64(max(now.Sub(k.At), 0)) / float64(halfLife)) // of several hosts one may be behind
	k.At = now
	for i := range k.Demand {
		d, more := &k.Demand[i], &news[i]
		older := func(to *int64, more int64) { *to = int64(float64(*to)*left) + more }
		for kind := range kinds {
			older(&d.GivenUp[kind], more.GivenUp[kind])
			k.Turned[kind] += more.GivenUp[kind]
		}
		older(&d.Hits, more.Hits)
		older(&d.Misses, more.Misses)
	}
}

// due reports whether it is time to move shares.
func (k *notes) due(now time.Time) bool {
	since := now.Sub(k.Moved)
	return since >= interval || since < -interval // the clock was set back, or is another host's
}

// forced takes what a shard gives up because its share gets lower out of what it is in want of.
func (k *notes) forced(shard, kind int, n int64) {
	k.Demand[shard].GivenUp[kind] -= n
	k.Turned[kind] -= n
}

// weight says how much a shard is in want: what it has given up, weighted by how many of its reads
// find something. What nobody asks for again is no loss, though a little counts in any case, since
// a shard may have no hits for want of room.
func (d *demand) weight(kind int) float64 {
	const least = 1.0 / 16
	found := least
	if reads := d.Hits + d.Misses; reads > 0 {
		found = max(found, float64(d.Hits)/float64(reads))
	}
	return float64(max(d.GivenUp[kind], 0)) * found
}
