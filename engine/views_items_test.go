package engine

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// itemOp is what somebody does to a few items.
type itemOp struct {
	what  itemWhat
	key   string // one letter
	other string
	value string
	back  bool
}

type itemWhat uint8

const (
	itemSets itemWhat = iota
	itemDeletes
	itemExpires // what is set has expired by then: it has a place in the view, and is no item
	itemMoves   // a transaction: key goes, and other is set
	itemCycles  // a transaction: the first item is set anew, as the last
	itemPeeks   // PeekItem
	itemMany    // GetMany of all
	itemWhats
)

const itemKeys = "abcd"

// items is a cache in the order of insertion, two letters for each item: key and value.
type items string

func (s items) at(key string) int {
	for i := 0; i < len(s); i += 2 {
		if string(s[i]) == key {
			return i
		}
	}
	return -1
}

func (s items) without(key string) items {
	if i := s.at(key); i >= 0 {
		return s[:i] + s[i+2:]
	}
	return s
}

func (s items) with(key, value string) items {
	if i := s.at(key); i >= 0 {
		return s[:i+1] + items(value) + s[i+2:]
	}
	return s + items(key+value)
}

func (s items) all() string {
	var b strings.Builder
	for _, key := range itemKeys {
		if i := s.at(string(key)); i >= 0 {
			b.WriteByte(s[i+1])
		} else {
			b.WriteByte('-')
		}
	}
	return b.String()
}

// itemModel is what a cache does, one operation after the other.
var itemModel = porcupine.Model{
	Init: func() any { return items("") },
	Step: func(state, in, out any) (bool, any) {
		s, op, got := state.(items), in.(itemOp), out.(string)
		switch op.what {
		case itemSets:
			return true, s.with(op.key, op.value)
		case itemDeletes, itemExpires:
			return true, s.without(op.key)
		case itemMoves:
			return true, s.without(op.key).with(op.other, op.value)
		case itemCycles:
			if s == "" {
				return true, s
			}
			return true, s[2:] + s[:2]
		case itemMany:
			return got == s.all(), s
		}
		switch {
		case s == "":
			return got == "", s
		case op.back:
			return got == string(s[len(s)-2:]), s
		}
		return got == string(s[:2]), s
	},
	DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v → %q", in, out) },
}

// do does an operation, and returns what it has told.
func (op itemOp) do(e *Engine) (string, error) {
	switch op.what {
	case itemSets:
		return "", e.Set(op.key, []byte(op.value), Attrs{})
	case itemDeletes:
		_, err := e.Delete(op.key)
		return "", err
	case itemExpires:
		return "", e.Set(op.key, []byte(op.value), Attrs{Expires: 1})
	case itemMoves:
		return "", e.Update(func(tx *Tx) error {
			if _, err := tx.Delete(op.key); err != nil {
				return err
			}
			return tx.Set(op.other, []byte(op.value), Attrs{})
		})
	case itemCycles:
		return "", e.Update(func(tx *Tx) error {
			f, err := tx.PeekItem(false)
			if isMiss(err) {
				return nil
			}
			if err == nil {
				_, err = tx.Delete(f.Key)
			}
			if err == nil {
				err = tx.Set(f.Key, f.Value, Attrs{})
			}
			return err
		})
	case itemMany:
		values, err := e.GetMany(strings.Split(itemKeys, ""))
		got := ""
		for _, v := range values {
			if v == nil {
				v = []byte("-")
			}
			got += string(v)
		}
		return got, err
	}
	f, err := e.PeekItem(op.back)
	if isMiss(err) {
		return "", nil
	}
	return f.Key + string(f.Value), err
}

// yieldingHash lets others come between the looks of one operation.
func yieldingHash(key string) uint64 {
	for range rand.IntN(4) {
		runtime.Gosched()
	}
	return xxhash.Sum64String(key)
}

// TestItemsLinearizable: what several goroutines of two processes see of the items at the ends of the
// order of insertion, and of many at once, can be told as if one operation had come after the other.
func TestItemsLinearizable(t *testing.T) {
	t.Parallel()
	runs := 15
	if testing.Short() {
		runs = 4
	}
	for seed := range runs {
		mem := vfs.NewMem()
		procs := make([]*Engine, 2)
		for i := range procs {
			var err error
			procs[i], err = openAs(mem, Options{SegmentSize: 4096, Compaction: true, Hash: yieldingHash})
			require.NoError(t, err)
		}
		begin := time.Now()
		histories := make([][]porcupine.Operation, 5)
		start := make(chan struct{})
		var all sync.WaitGroup
		for client := range histories {
			all.Go(func() {
				<-start
				rnd := rand.New(rand.NewPCG(uint64(seed), uint64(client)))
				letter := func() string { return string(itemKeys[rnd.IntN(len(itemKeys))]) }
				for range 60 {
					op := itemOp{what: itemWhat(rnd.IntN(int(itemWhats))), key: letter(), other: letter(), value: string(rune('A' + rnd.IntN(50))), back: rnd.IntN(2) == 0}
					o := porcupine.Operation{ClientId: client, Input: op, Call: time.Since(begin).Nanoseconds()}
					out, err := op.do(procs[client%2])
					if err != nil {
						t.Error(err)
						return
					}
					o.Output, o.Return = out, time.Since(begin).Nanoseconds()
					histories[client] = append(histories[client], o)
				}
			})
		}
		close(start)
		all.Wait()
		var history []porcupine.Operation
		for _, h := range histories {
			history = append(history, h...)
		}
		require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(itemModel, history, time.Minute), "seed %d", seed)
		for _, e := range procs {
			require.NoError(t, e.Close())
		}
	}
}
