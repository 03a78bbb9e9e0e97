package vfs

import "math/rand/v2"

// What a crash of the machine may leave.
//
// Whatever was not synced is in parts that reach the disk or do not, each for
// itself and in any order:
//
//   - A sector of 512 bytes that was written is as it was, or as any of the
//     writes since then made it. So a write can be torn between sectors, never
//     inside one.
//   - A file that grew has its old size, or ends where its last sector that
//     arrived ends, or has its new size, and zeros (or garbage, if asked for)
//     where sectors did not arrive.
//   - Each change of a name happened or did not; the last one that happened
//     says what the name is. A rename happened, or did not, or left both names
//     there, but a file is never without a name because it was renamed. So a
//     new file can be missing, or there and empty.
//
// Sync of a file makes certain what is in it and its size, not its name.
// SyncDir makes the names in one directory certain. After a failed Sync what
// was not yet durable never becomes so.
//
// Nothing runs twice for that: the trace is replayed onto a model of the disk,
// and the images of a point are made from it and share all that is equal.

// CrashOptions say which crashes to show. The zero value: all points, and at
// each every combination, or a selection if there are more than 4096.
type CrashOptions struct {
	// Seed makes another selection, and other garbage. The same options show
	// the same images in the same order.
	Seed uint64

	// PerPoint is how many images one point has at most. Default: 4096.
	PerPoint int

	// From, To and Stride select the points by Index: From, From+Stride, …,
	// below To. Default: all.
	From, To, Stride int

	// Garbage lets sectors that did not arrive, in the part by which a file
	// grew, be anything: noise, or what other files have or had. Bytes that
	// were durable are never touched. Default: false, they are zero.
	Garbage bool
}

// CrashPoint says where a crash image comes from.
type CrashPoint struct {
	Index   int    // how many changes came before the crash
	Op      string // the last of them
	Variant string // which of the images of this point; with Index and the options it names the image
	Notes   []any  // made before the next change; shared, not to be changed
}

// Crashes shows what a crash may leave, at each point between two changes (a
// change that is under way is covered by the point after it), until visit
// returns false. It returns how many images it showed. What no reader could
// tell from an image of the same point is left out, as far as that can be known
// without comparing bytes.
//
// Each image is a Mem of its own with nothing locked, durable as it is, with a
// trace that begins there, so that it can crash again. Crashes may run while
// the Mem is used, and several at once.
func (m *Mem) Crashes(o CrashOptions, visit func(img *Mem, c CrashPoint) bool) int {
	r, t := m.rewind()
	if o.To <= 0 || o.To > len(t.events)+1 {
		o.To = len(t.events) + 1
	}
	if o.PerPoint <= 0 {
		o.PerPoint = 4096
	}
	o.Stride = max(o.Stride, 1)
	count := 0
	next := max(o.From, 0)
	for i := range o.To {
		if i > 0 {
			r.apply(&t.events[i-1])
		}
		if i != next {
			continue
		}
		next += o.Stride
		p := newPoint(m, r, o, t.at(i), func(img *Mem, c CrashPoint) bool {
			count++
			return visit(img, c)
		})
		if !p.run() {
			break
		}
	}
	return count
}

// rewind is the disk as it was when the trace began, and the trace.
func (m *Mem) rewind() (*replay, trace) {
	m.mu.Lock()
	defer m.mu.Unlock()
	base := m.trace.base
	if base == nil {
		base = m.root.clone(nil)
	}
	return newReplay(base), m.trace.clip()
}

// at is the point after i changes.
func (t *trace) at(i int) CrashPoint {
	c := CrashPoint{Index: i, Op: "start"}
	if i > 0 {
		c.Op = t.events[i-1].String()
	}
	notes := len(t.notes)
	if i < len(t.events) {
		notes = t.events[i].notes
	}
	c.Notes = t.notes[:notes:notes]
	return c
}

// pointRand is the source of all choices at one point.
func pointRand(o CrashOptions, index int) *rand.Rand {
	return rand.New(rand.NewPCG(o.Seed, uint64(index)))
}
