package contest_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest/contesttest"
)

// mapStore is a store in a map. What it gets wrong says fault.
type mapStore struct {
	items map[string][]byte
	fault string
}

func (s mapStore) Set(key, value []byte) error {
	s.items[string(key)] = bytes.Clone(value)
	return nil
}

func (s mapStore) Get(key, buf []byte) ([]byte, error) {
	v, ok := s.items[string(key)]
	switch n := contest.KeyNumber(key); {
	case s.fault == "inventive" && !ok && n >= 1<<40:
		return []byte("what nobody set"), nil
	case !ok, s.fault == "loses" && n == 3:
		return nil, contest.ErrMissing
	case s.fault == "stale" && n == 3:
		return bytes.Repeat([]byte{'o'}, len(v)), nil
	case s.fault == "short" && n == 3:
		return v[1:], nil
	case s.fault == "fails" && n == 3:
		return nil, errors.New("it cannot be read")
	}
	return append(buf, v...), nil
}

func (s mapStore) Delete(key []byte) error {
	if s.fault != "undead" {
		delete(s.items, string(key))
	}
	return nil
}

func (s mapStore) Batch(keys, values [][]byte) error {
	for i := range keys {
		s.items[string(keys[i])] = bytes.Clone(values[i])
	}
	return nil
}

func (s mapStore) Compact() error { return errors.ErrUnsupported }
func (s mapStore) Close() error   { return nil }

// started starts a store of 100 keys, which are there.
func started(t *testing.T, fault string, p contest.Promises) contesttest.Ask {
	p.Name = "map"
	ask := contesttest.InProcess(t, contest.Kind{Promises: p, Open: func(string, contest.Options) (contest.Store, error) {
		return mapStore{map[string][]byte{}, fault}, nil
	}})
	for _, o := range []contest.Order{{Do: "begin", Sizes: "50", KeyCount: 100}, {Do: "open"}, {Do: "fill", To: 100}} {
		_, err := ask(o)
		require.NoError(t, err)
	}
	return ask
}

// Whatever a store gets wrong is noticed by who reads everything back.
func TestVerifyNotices(t *testing.T) {
	for fault, says := range map[string]string{
		"": "", "loses": "key 3 is lost", "stale": "key 3 has another value", "short": "key 3 has another value",
		"fails": "it cannot be read", "undead": "key 0 was deleted", "inventive": "which nobody has set",
	} {
		ask := started(t, fault, contest.Promises{})
		_, err := ask(contest.Order{Do: "delete", To: 2})
		require.NoError(t, err)
		a, err := ask(contest.Order{Do: "verify", To: 100})
		if says == "" {
			require.NoError(t, err)
			assert.Equal(t, 100, a.Ops)
			continue
		}
		require.ErrorContains(t, err, says, fault)
		assert.True(t, a.Wrong, fault)
	}
}

// Who may forget has lost what is missing, and is not wrong; what is there must be right all the
// same.
func TestVerifyForgives(t *testing.T) {
	a, err := started(t, "loses", contest.Promises{Memory: true})(contest.Order{Do: "verify", To: 100})
	require.NoError(t, err)
	assert.Equal(t, 1, a.Lost)
	_, err = started(t, "stale", contest.Promises{Memory: true})(contest.Order{Do: "verify", To: 100})
	require.ErrorContains(t, err, "1 of 200 keys are wrong")
}

// While it is measured, too, a value of the wrong length is noticed.
func TestGetNoticesLength(t *testing.T) {
	a, err := started(t, "short", contest.Promises{})(contest.Order{Do: "get", To: 100})
	require.ErrorContains(t, err, "a value of 49 bytes in place of 50")
	assert.True(t, a.Wrong)
}

func TestObeys(t *testing.T) {
	k := contest.Kind{Promises: contest.Promises{Name: "map", Memory: true}, Open: func(string, contest.Options) (contest.Store, error) {
		return &lockedStore{mapStore: mapStore{items: map[string][]byte{}}}, nil
	}}
	contesttest.Obeys(t, k.Promises, 1<<30, contesttest.InProcess(t, k))
}

// With a rate, latencies count from when an operation was to begin: at a rate that nobody keeps up
// with, each waits longer than the one before it.
func TestRateCountsWaiting(t *testing.T) {
	ask := started(t, "", contest.Promises{})
	a, err := ask(contest.Order{Do: "get", To: 100, Timed: true, Rate: 1e9})
	require.NoError(t, err)
	require.NotNil(t, a.Latency)
	assert.Positive(t, a.Latency.Behind)
	assert.GreaterOrEqual(t, a.Latency.At(100), a.Latency.Behind, "the last operation waited as long as it was late")
}

func TestOrdersThatCannotBeObeyed(t *testing.T) {
	ask := contesttest.InProcess(t, contest.Kind{Promises: contest.Promises{Name: "map"}})
	for _, o := range []contest.Order{{Do: "open"}, {Do: "begin", Sizes: "x", KeyCount: 1}, {Do: "begin", Sizes: "1", KeyCount: 1, Held: 2}} {
		_, err := ask(o)
		assert.Error(t, err, o)
	}
	ask = started(t, "", contest.Promises{})
	for _, o := range []contest.Order{
		{Do: "open"}, {Do: "get", N: 101, Keys: "uniform"}, {Do: "get", N: 100, Keys: "x"}, {Do: "set", To: 101}, {Do: "fill", To: 101}, {Do: "stop"},
		{Do: "mix", N: 100, Keys: "uniform", Write: "x"}, {Do: "write"},
	} {
		_, err := ask(o)
		assert.Error(t, err, o)
	}
}

func TestKeys(t *testing.T) {
	seen := map[string]bool{}
	for n := range uint64(1000) {
		key := contest.AppendKey(nil, n)
		assert.Len(t, key, contest.KeySize)
		assert.Equal(t, n, contest.KeyNumber(key))
		seen[string(key)] = true
	}
	assert.Len(t, seen, 1000)
}

func TestTextDiffers(t *testing.T) {
	text := contest.NewText(1, 100)
	assert.Equal(t, text, contest.NewText(1, 100))
	assert.NotEqual(t, text, contest.NewText(2, 100))
	assert.Len(t, text.Value(5, 1, 100), 100)
	assert.NotEqual(t, text.Value(5, 1, 100), text.Value(5, 2, 100), "versions")
	assert.NotEqual(t, text.Value(5, 1, 100), text.Value(6, 1, 100), "keys")
}

func TestSizes(t *testing.T) {
	s, err := contest.ParseSizes("50:10-20,50:1000-2000")
	require.NoError(t, err)
	assert.Equal(t, 2000, s.Most())
	assert.InDelta(t, 757, s.Mean(), 1)
	small := 0
	for n := range uint64(10_000) {
		size := s.Of(n)
		assert.True(t, size >= 10 && size <= 20 || size >= 1000 && size <= 2000, size)
		if size <= 20 {
			small++
		}
	}
	assert.InDelta(t, 5000, small, 300)
	for _, wrong := range []string{"", "-1", "50:1-2", "100:2-1", "100:1", "x"} {
		_, err := contest.ParseSizes(wrong)
		assert.Error(t, err, wrong)
	}
}

// What is no order ends the process.
func TestServeRefusesNoise(t *testing.T) {
	var out strings.Builder
	err := contest.Serve(contest.Kind{Promises: contest.Promises{Name: "map"}}, strings.NewReader("fly\n"), &out)
	require.Error(t, err)
	assert.Contains(t, out.String(), `"name":"map"`)
}
