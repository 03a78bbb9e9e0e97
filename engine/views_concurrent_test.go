package engine

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// TestViewsWhileWriting: what is there from the beginning to the end of a walk comes once, in its
// order, whatever is stored, deleted, moved and dropped meanwhile, and by whichever process.
func TestViewsWhileWriting(t *testing.T) {
	t.Parallel()
	mem := vfs.NewMem()
	opt := Options{SegmentSize: 8192, Compaction: true}
	a, err := openAs(mem, opt)
	require.NoError(t, err)
	b, err := openAs(mem, opt)
	require.NoError(t, err)
	const stay = 300
	for i := range stay {
		require.NoError(t, a.Set(fmt.Sprintf("stay-%03d", i), make([]byte, 20), Attrs{Tag: "t"}))
	}

	var writing atomic.Int64
	var all sync.WaitGroup
	for i, e := range []*Engine{a, a, b} {
		all.Go(func() {
			writing.Add(1)
			defer writing.Add(-1)
			rnd := rand.New(rand.NewPCG(uint64(i), 5))
			for range 6000 {
				key := fmt.Sprintf("%c-%03d", 'a'+rnd.IntN(26), rnd.IntN(100))
				switch rnd.IntN(5) {
				case 0:
					_, _ = e.Delete(key)
				case 1: // these stay, where they are
					_ = e.Set(fmt.Sprintf("stay-%03d", rnd.IntN(stay)), make([]byte, 20), Attrs{Tag: "t"})
				default:
					_ = e.Set(key, make([]byte, rnd.IntN(100)), Attrs{Tag: "t"})
				}
			}
		})
	}
	for i := 0; i < 16 || writing.Load() > 0; i++ {
		e := []*Engine{a, b}[i%2]
		w := Walk{ByKey: i&2 > 0, Reverse: i&4 > 0}
		if i&8 > 0 {
			w.Tag = "t"
		}
		if i%10 == 5 {
			require.NoError(t, b.Compact())
		}
		if i%10 == 9 {
			e.views.giveUp() // as when the index is built anew
		}
		seen := make(map[string]bool)
		next := 0
		if w.Reverse {
			next = stay - 1
		}
		for key, err := range e.Scan(w) {
			require.NoError(t, err)
			require.False(t, seen[key] && key[1] == 't', "%s came twice", key)
			seen[key] = true
			if key[1] != 't' {
				continue
			}
			require.Equal(t, fmt.Sprintf("stay-%03d", next), key, "%+v", w)
			if w.Reverse {
				next--
			} else {
				next++
			}
		}
		require.Contains(t, []int{-1, stay}, next, "%+v", w)
	}
	all.Wait()
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
}

// queueOp is what somebody does to a queue.
type queueOp struct {
	what queueWhat
	back bool
	i    int
	in   string
}

type queueWhat uint8

const (
	pushes queueWhat = iota
	pulls
	looks1 // Peek
	ats
	lens
	rotates // a transaction: pull and push
)

// queueModel is the sequential queue: its values, as one string each of a byte.
var queueModel = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, in, out any) (bool, any) {
		q, op, got := state.(string), in.(queueOp), out.(string)
		end := func() (string, string) {
			switch {
			case q == "":
				return "", ""
			case op.back:
				return q[len(q)-1:], q[:len(q)-1]
			}
			return q[:1], q[1:]
		}
		switch op.what {
		case pushes:
			if op.back {
				return true, q + op.in
			}
			return true, op.in + q
		case pulls:
			v, rest := end()
			return v == got, rest
		case looks1:
			v, _ := end()
			return v == got, q
		case ats:
			j, ok := place(op.i, len(q))
			if !ok {
				return got == "", q
			}
			return got == q[j:j+1], q
		case lens:
			return got == fmt.Sprint(len(q)), q
		default:
			if q == "" {
				return got == "", q
			}
			return got == q[:1], q[1:] + q[:1]
		}
	},
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v → %q", in, out) },
}

// do does an operation, and returns what it has told.
func (op queueOp) do(e *Engine) (string, error) {
	var f Found
	var err error
	switch op.what {
	case pushes:
		_, err = e.Push("q", []byte(op.in), op.back, Attrs{})
	case pulls:
		f, err = e.Pull("q", op.back)
	case looks1:
		f, err = e.Peek("q", op.back)
	case ats:
		f, err = e.QueueAt("q", op.i)
	case lens:
		n, err := e.QueueLen("q")
		return fmt.Sprint(n), err
	default:
		err = e.Update(func(tx *Tx) (err error) {
			if f, err = tx.Pull("q", false); err == nil {
				_, err = tx.Push("q", f.Value, true, Attrs{})
			}
			return err
		})
	}
	if isMiss(err) {
		return "", nil
	}
	return string(f.Value), err
}

// TestQueueLinearizable: what several goroutines of two processes see of a queue can be told as if one
// operation had come after the other.
func TestQueueLinearizable(t *testing.T) {
	t.Parallel()
	runs := 15
	if testing.Short() {
		runs = 4
	}
	for seed := range runs {
		mem := vfs.NewMem()
		var procs []*Engine
		for range 2 {
			e, err := openAs(mem, Options{SegmentSize: 4096, Hash: yieldingHash})
			require.NoError(t, err)
			procs = append(procs, e)
		}
		var mu sync.Mutex
		var history []porcupine.Operation
		var all sync.WaitGroup
		begin := time.Now()
		for client := range 4 {
			all.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(seed), uint64(client)))
				for range 60 {
					op := queueOp{what: queueWhat(rnd.IntN(6)), back: rnd.IntN(2) == 0, i: rnd.IntN(7) - 3, in: string(rune('A' + rnd.IntN(50)))}
					o := porcupine.Operation{ClientId: client, Input: op, Call: time.Since(begin).Nanoseconds()}
					out, err := op.do(procs[client%2])
					o.Output, o.Return = out, time.Since(begin).Nanoseconds()
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					history = append(history, o)
					mu.Unlock()
				}
			})
		}
		all.Wait()
		require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(queueModel, history, time.Minute), "seed %d", seed)
		for _, e := range procs {
			require.NoError(t, e.Close())
		}
	}
}
