package history

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Merged is what the records of all processes say.
type Merged struct {
	Ops    []Op // by the time of their calls; without those that cannot have had an effect
	Errors []Op // operations that returned an error, whether they are in Ops or not
	Counts Counts
	Calls  int           // operations that were called
	Within time.Duration // the longest took so long to return
}

// Merger makes operations of records.
type Merger struct {
	out  Merged
	open map[int]*Op // of each client, what has not returned yet
}

// NewMerger returns a merger of no records.
func NewMerger() *Merger { return &Merger{open: make(map[int]*Op)} }

// Add adds what one process has written. A line without an end was cut off by the death
// of the process, and says nothing: what it was to tell had not begun, or had not been
// told to anybody.
func (m *Merger) Add(log []byte) error {
	counts := Counts{}
	for line := range bytes.Lines(log) {
		if !bytes.HasSuffix(line, []byte{'\n'}) {
			break
		}
		r, err := Parse(line)
		if err == nil && r.Phase == Counted {
			counts = r.Counts
			m.out.Counts.add(counts)
		} else if err == nil && r.Phase != Began {
			err = m.add(&r)
		}
		if err != nil {
			return fmt.Errorf("the record %q: %w", line, err)
		}
	}
	return nil
}

// add: counts are told as what came since they were told last.
func (c *Counts) add(d Counts) {
	c.Evicted += d.Evicted
	c.Compactions += d.Compactions
}

func (m *Merger) add(r *Record) error {
	p := m.open[r.Client]
	switch {
	case r.Phase == Called && p == nil:
		m.out.Calls++
		m.open[r.Client] = &Op{Client: r.Client, Kind: r.Kind, Name: r.Name, Reads: r.Reads, Writes: r.Writes, Back: r.Back, TTL: r.TTL, Call: r.Time, Return: Never}
	case r.Phase == Intended && p != nil:
		p.Reads, p.Writes = r.Reads, r.Writes
	case r.Phase == Returned && p != nil:
		delete(m.open, r.Client)
		m.returned(p, r)
	default:
		return fmt.Errorf("client %d: a %s is out of place", r.Client, r.Phase)
	}
	return nil
}

// returned: what an operation says when it returns is so; before, it was what would be so if it were
// done. An operation that returned an error may have been done, or be done later, unless the
// error says that it was not.
func (m *Merger) returned(p *Op, r *Record) {
	p.Err, p.Wrong = r.Err, r.Wrong
	m.out.Within = max(m.out.Within, time.Duration(r.Time-p.Call))
	if r.Err != "" {
		failed := *p
		failed.Return = r.Time
		m.out.Errors = append(m.out.Errors, failed)
		if !r.Undone {
			m.keepPending(p)
		}
		return
	}
	p.Return = r.Time
	if p.Kind != Update {
		p.Reads = r.Reads
	}
	switch {
	case r.Undone:
		p.Writes = nil
	case r.Writes != nil: // what was to be made of it was not known before
		p.Writes = r.Writes
	}
	m.out.Ops = append(m.out.Ops, *p)
}

// keepPending keeps an operation that may have had an effect. What only reads has none,
// and a transaction that had not come to its end has changed nothing.
func (m *Merger) keepPending(p *Op) {
	if len(p.Writes) == 0 && p.Kind != Clear {
		return
	}
	m.out.Ops = append(m.out.Ops, *p)
}

// Merge returns the operations, those among them that did not return.
func (m *Merger) Merge() *Merged {
	for _, p := range m.open {
		m.keepPending(p)
	}
	clear(m.open)
	slices.SortStableFunc(m.out.Ops, func(a, b Op) int { return cmp.Compare(a.Call, b.Call) })
	return &m.out
}
