package history

import (
	"encoding/json"
	"io"
	"sync/atomic"
)

// Phase is which record of an operation a record is.
type Phase string

const (
	Began    Phase = "began" // no operation: the process, by its number
	Called   Phase = "call"
	Intended Phase = "intent" // of a transaction: what it has read and will write if it commits
	Returned Phase = "return"
	Counted  Phase = "stats" // no operation: what the process has counted since it opened the cache
)

// Record is what is written of an operation at one of its phases.
type Record struct {
	Phase  Phase  `json:"phase"`
	Time   int64  `json:"t"`
	Client int    `json:"client"`
	Kind   Kind   `json:"op,omitempty"`
	Name   string `json:"name,omitempty"`
	Reads  []Cell `json:"reads,omitempty"`
	Writes []Cell `json:"writes,omitempty"`
	Back   bool   `json:"back,omitempty"`
	TTL    int64  `json:"ttl,omitempty"`
	Err    string `json:"err,omitempty"`
	Undone bool   `json:"undone,omitempty"` // nothing was changed, the error says, or the return if there is none
	Wrong  bool   `json:"wrong,omitempty"`  // Err is that something was wrong, not that something could not be done
	Counts Counts `json:"counts,omitzero"`
	PID    int    `json:"pid,omitempty"`
}

// Counts are of one opening of the cache.
type Counts struct {
	Evicted     int64 `json:"evicted"`
	Compactions int64 `json:"compactions"`
}

// mostErr keeps a record so short that a pipe does not tear it.
const mostErr = 1024

// Append appends the record as a line.
func (r Record) Append(dst []byte) []byte {
	if len(r.Err) > mostErr {
		r.Err = r.Err[:mostErr]
	}
	b, err := json.Marshal(r)
	if err != nil {
		panic(err) // plain fields only
	}
	return append(append(dst, b...), '\n')
}

// Parse returns the record of a line.
func Parse(line []byte) (r Record, err error) {
	err = json.Unmarshal(line, &r)
	return r, err
}

// Log is where the clients of a process write their records. Each is one call of
// Write: the process may be killed between any two, and several clients share it.
type Log struct {
	w    io.Writer
	now  func() int64
	lost atomic.Bool
}

// NewLog returns a log that takes the time from a clock that all processes share.
func NewLog(w io.Writer, now func() int64) *Log { return &Log{w: w, now: now} }

// Write writes a record of now.
func (l *Log) Write(r Record) {
	r.Time = l.now()
	if _, err := l.w.Write(r.Append(nil)); err != nil {
		l.lost.Store(true) // nobody reads it any more; the client is to end
	}
}

// Lost reports whether a record could not be written.
func (l *Log) Lost() bool { return l.lost.Load() }
