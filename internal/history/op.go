package history

import (
	"fmt"
	"math"
	"strings"
)

// Kind is what an operation is. The checker goes by what it read and wrote, and needs
// the kind only to say what is wrong.
type Kind string

const (
	Get    Kind = "get"
	Set    Kind = "set"
	Delete Kind = "delete"
	Update Kind = "update" // a transaction
	Clear  Kind = "clear"
	Incr   Kind = "incr"
	Add    Kind = "add"  // a Set, if the key is not there
	Swap   Kind = "swap" // a Set, if the key is what it was seen to be
	// Push and Pull are of a queue, which has a key of its own. A Pull writes that the key is
	// absent, which says no more than that it takes something.
	Push Kind = "push"
	Pull Kind = "pull"
	// Aside is anything that changes no key of the history: compaction, closing and
	// opening again, keys that nobody looks at.
	Aside Kind = "aside"
)

// Is says what is known of a key.
type Is string

const (
	Value  Is = "value"
	Absent Is = "absent"
	Some   Is = "some"  // there, whatever its value
	Other  Is = "other" // not this value: another, or absent
	Sum    Is = "sum"   // made so much more than it was, which is 0 if it was absent
)

// Cell is a key and what it was found to be, or was made.
type Cell struct {
	Key   int   `json:"k"`
	Is    Is    `json:"is"`
	Value int64 `json:"v,omitempty"`
}

func (c Cell) String() string {
	switch c.Is {
	case Value:
		return fmt.Sprintf("%d=%d", c.Key, c.Value)
	case Other:
		return fmt.Sprintf("%d≠%d", c.Key, c.Value)
	case Sum:
		return fmt.Sprintf("%d+=%d", c.Key, c.Value)
	}
	return fmt.Sprintf("%d %s", c.Key, c.Is)
}

// Op is one operation of a client.
type Op struct {
	Client int    `json:"client"`
	Kind   Kind   `json:"op"`
	Name   string `json:"name,omitempty"` // of a transaction, or of what is aside
	Reads  []Cell `json:"reads,omitempty"`
	Writes []Cell `json:"writes,omitempty"` // all at once, after all Reads
	Back   bool   `json:"back,omitempty"`   // the end of the queue, not its front
	TTL    int64  `json:"ttl,omitempty"`    // nanoseconds that what a Set wrote has to live; 0: no end
	Call   int64  `json:"call"`
	Return int64  `json:"return"` // Never: it is pending
	Err    string `json:"err,omitempty"`
	Wrong  bool   `json:"wrong,omitempty"` // Err is of something that was wrong
}

// Never is when operations return that did not.
const Never = math.MaxInt64

// Pending reports whether the operation may have happened or not.
func (o *Op) Pending() bool { return o.Return == Never }

func (o *Op) String() string {
	var b strings.Builder
	b.WriteString(string(o.Kind))
	if o.Name != "" {
		b.WriteString(" " + o.Name)
	}
	if o.Back {
		b.WriteString(" at the back")
	}
	for i, cells := range [][]Cell{o.Reads, o.Writes} {
		for j, c := range cells {
			if j == 0 {
				b.WriteString([]string{" read ", " wrote "}[i])
			} else {
				b.WriteString(", ")
			}
			b.WriteString(c.String())
		}
	}
	if o.TTL != 0 {
		fmt.Fprintf(&b, " for %d ns", o.TTL)
	}
	if o.Pending() {
		b.WriteString(", pending")
	}
	if o.Err != "" {
		b.WriteString(": " + o.Err)
	}
	return b.String()
}
