// Package contesttest is what every store must do that takes part in "dcbench compare", however
// its process is started.
package contesttest

import (
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// Ask gives an order and returns the answer.
type Ask func(o contest.Order) (*contest.Answer, error)

// InProcess obeys in this process.
func InProcess(t *testing.T, k contest.Kind) Ask {
	orders, in := io.Pipe()
	out, answers := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(contest.Serve(k, orders, answers), answers.Close()) }()
	d, e := json.NewDecoder(out), json.NewEncoder(in)
	var hello contest.Answer
	require.NoError(t, d.Decode(&hello))
	require.Equal(t, k.Name, hello.Hello.Name)
	t.Cleanup(func() {
		require.NoError(t, in.Close())
		require.NoError(t, <-ended)
	})
	return func(o contest.Order) (*contest.Answer, error) {
		if err := e.Encode(o); err != nil {
			return nil, err
		}
		a := &contest.Answer{}
		if err := d.Decode(a); err != nil {
			return nil, err
		}
		if a.Error != "" {
			return a, errors.New(a.Error)
		}
		return a, nil
	}
}

// keys are how many there are in the suite.
const keys = 1000

// Obeys has a store do everything once. Its keys are those from base on.
func Obeys(t *testing.T, p contest.Promises, base uint64, ask Ask) {
	t.Helper()
	open := contest.Order{Do: "open", Dir: filepath.Join(t.TempDir(), "store"), Sync: "never", Compression: "none"}
	get := contest.Order{Do: "get", To: 50}
	reopen := []contest.Order{{Do: "close"}, open, get, {Do: "verify", To: keys}}
	if p.Limit || p.Memory {
		reopen = nil
	}
	// What not every store can do comes while keys are there in the order of their numbers.
	rich := []contest.Order{
		{Do: "peek", Millis: 5}, {Do: "walk"}, {Do: "verify", To: keys}, {Do: "incr", To: 20}, {Do: "incr", N: 20, Keys: "uniform", Millis: 5},
		{Do: "push", To: 10}, {Do: "queue", Millis: 5}, {Do: "verify", To: keys}, {Do: "add", From: 300, To: 320},
	}
	for _, o := range slices.Concat([]contest.Order{
		{Do: "begin", Sizes: "50:100-200,50:1000-70000", KeyCount: keys, Base: base, Seed: 1}, open,
		{Do: "set", To: 50}, get,
	}, rich, []contest.Order{
		{Do: "write", From: 100, To: 200}, get, {Do: "stop"},
		{Do: "set", From: 50, To: 95, Batch: 10}, {Do: "get", N: 95, Keys: "zipf:0.99", Millis: 5, Goroutines: 3, Timed: true},
		{Do: "miss", Millis: 5}, {Do: "overwrite", N: 95, Keys: "uniform", Millis: 5, Goroutines: 2}, {Do: "fill", To: 300},
		{Do: "mix", N: 95, Keys: "uniform", Millis: 5, Reads: 50, Write: "modify", Timed: true, Rate: 5000},
		{Do: "mix", N: 95, Keys: "latest:0.99", Millis: 5, Reads: 95, Write: "insert", Goroutines: 2},
		{Do: "mix", N: 95, Keys: "uniform", Millis: 5, Reads: 10, Write: "expire"},
		{Do: "verify", To: keys},
	}, reopen, []contest.Order{
		{Do: "delete", To: 40, Goroutines: 2}, {Do: "memory"}, {Do: "verify", To: keys},
	}) {
		obey(t, ask, o)
	}
	refuses(t, p, ask)
	compacts(t, ask)
	obey(t, ask, contest.Order{Do: "close"})
	sweeps(t, ask, open)
	obey(t, ask, contest.Order{Do: "close"})
}

// optional is what not every store can do.
var optional = []string{"peek", "walk", "incr", "push", "queue", "add", "mark", "evict", "expire", "clear"}

// sweeps is for stores that can remove many keys with one call.
func sweeps(t *testing.T, ask Ask, open contest.Order) {
	t.Helper()
	open.Dir += "-swept"
	open.Write = "expire"
	obey(t, ask, contest.Order{Do: "begin", Sizes: "100", KeyCount: keys, Seed: 1})
	obey(t, ask, open)
	for _, write := range []string{"tag", "expire"} {
		for range 2 {
			a, err := ask(contest.Order{Do: "mark", To: 500, Write: write})
			if a != nil && a.Unsupported {
				continue
			}
			require.NoError(t, err)
			a, err = ask(contest.Order{Do: map[string]string{"tag": "evict", "expire": "expire"}[write]})
			require.NoError(t, err)
			assert.Equal(t, 50, a.Ops)
		}
		obey(t, ask, contest.Order{Do: "verify", To: keys})
		obey(t, ask, contest.Order{Do: "clear"})
	}
	obey(t, ask, contest.Order{Do: "verify", To: keys})
}

// obey gives an order, of which a store may say only that it has no such thing.
func obey(t *testing.T, ask Ask, o contest.Order) {
	t.Helper()
	a, err := ask(o)
	if a != nil && a.Unsupported && slices.Contains(optional, o.Do) {
		return
	}
	require.NoError(t, err, o)
	assert.Positive(t, a.Nanos, o)
	if o.Timed {
		require.NotNil(t, a.Latency)
		assert.EqualValues(t, a.Ops, a.Latency.N)
		assert.LessOrEqual(t, a.Latency.At(50), a.Latency.At(100))
	}
}

// refuses is for orders that cannot be obeyed.
func refuses(t *testing.T, p contest.Promises, ask Ask) {
	t.Helper()
	if !p.Memory { // which may forget
		_, err := ask(contest.Order{Do: "get", To: 1})
		assert.Error(t, err, "of a key that was deleted")
	}
	_, err := ask(contest.Order{Do: "fly"})
	assert.ErrorContains(t, err, "fly")
}

// compacts is for stores that can: everything is there all the while.
func compacts(t *testing.T, ask Ask) {
	t.Helper()
	obey(t, ask, contest.Order{Do: "fill", To: 300})
	a, err := ask(contest.Order{Do: "compact", N: 300, Keys: "uniform"})
	if a == nil || !a.Unsupported {
		require.NoError(t, err)
		require.NotNil(t, a.Latency)
	}
	obey(t, ask, contest.Order{Do: "verify", To: keys})
}
