package history

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ticking is a clock that says another time whenever it is asked.
func ticking() func() int64 {
	t := int64(0)
	return func() int64 { t++; return t }
}

// What a client logs is what is merged, in the order of the calls.
func TestMerge(t *testing.T) {
	var a, b bytes.Buffer
	now := ticking()
	first, second := NewLog(&a, now), NewLog(&b, now)
	first.Write(Record{Phase: Called, Client: 1, Kind: Set, Writes: cells(is(1, 5)), TTL: 7})
	second.Write(Record{Phase: Called, Client: 2, Kind: Update, Name: "incr"})
	second.Write(Record{Phase: Intended, Client: 2, Reads: cells(gone(1)), Writes: cells(is(1, 1))})
	first.Write(Record{Phase: Returned, Client: 1})
	second.Write(Record{Phase: Intended, Client: 2, Reads: cells(is(1, 5)), Writes: cells(is(1, 6))}) // it was run again
	second.Write(Record{Phase: Returned, Client: 2})
	first.Write(Record{Phase: Counted, Counts: Counts{Evicted: 2, Compactions: 1}})
	first.Write(Record{Phase: Counted, Counts: Counts{Evicted: 3}})
	m := NewMerger()
	require.NoError(t, m.Add(b.Bytes()))
	require.NoError(t, m.Add(a.Bytes()))
	got := m.Merge()
	assert.Equal(t, []Op{
		{Client: 1, Kind: Set, Writes: cells(is(1, 5)), TTL: 7, Call: 1, Return: 4},
		{Client: 2, Kind: Update, Name: "incr", Reads: cells(is(1, 5)), Writes: cells(is(1, 6)), Call: 2, Return: 6},
	}, got.Ops)
	assert.Equal(t, Counts{5, 1}, got.Counts)
	assert.Equal(t, 2, got.Calls)
	assert.Empty(t, got.Errors)
}

// Of what a killed process was about to do is kept what may have had an effect.
func TestMergeOfTheKilled(t *testing.T) {
	for name, test := range map[string]struct {
		records []Record
		keep    bool
	}{
		"set":                         {[]Record{{Phase: Called, Kind: Set, Writes: cells(is(1, 5))}}, true},
		"get":                         {[]Record{{Phase: Called, Kind: Get}}, false},
		"clear":                       {[]Record{{Phase: Called, Kind: Clear}}, true},
		"transaction":                 {[]Record{{Phase: Called, Kind: Update}}, false},
		"transaction at its end":      {[]Record{{Phase: Called, Kind: Update}, {Phase: Intended, Writes: cells(is(1, 5))}}, true},
		"transaction that only reads": {[]Record{{Phase: Called, Kind: Update}, {Phase: Intended, Reads: cells(is(1, 5))}}, false},
		"compaction":                  {[]Record{{Phase: Called, Kind: Aside}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var log []byte
			for _, r := range test.records {
				log = r.Append(log)
			}
			log = append(log, `{"phase":"retu`...) // it died over that
			m := NewMerger()
			require.NoError(t, m.Add(log))
			ops := m.Merge().Ops
			assert.Equal(t, test.keep, len(ops) == 1)
			for _, o := range ops {
				assert.True(t, o.Pending())
			}
		})
	}
}

// What returned an error is told, and may have been done.
func TestMergeOfErrors(t *testing.T) {
	log := Record{Phase: Called, Kind: Set, Writes: cells(is(1, 5)), Time: 1}.Append(nil)
	log = Record{Phase: Returned, Err: "disk on fire" + strings.Repeat("!", 10_000), Time: 2}.Append(log)
	assert.Less(t, len(log), 4096)
	m := NewMerger()
	require.NoError(t, m.Add(log))
	got := m.Merge()
	require.Len(t, got.Ops, 1)
	assert.True(t, got.Ops[0].Pending())
	require.Len(t, got.Errors, 1)
	assert.Contains(t, got.Errors[0].String(), "disk on fire")
	assert.EqualValues(t, 2, got.Errors[0].Return)
}

func TestMergeRefusesNoise(t *testing.T) {
	called := string(Record{Phase: Called, Kind: Get}.Append(nil))
	for _, log := range []string{"panic: no\n", called + called, string(Record{Phase: Returned}.Append(nil))} {
		assert.Error(t, NewMerger().Add([]byte(log)), log)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestLogLost(t *testing.T) {
	l := NewLog(brokenPipe{}, ticking())
	assert.False(t, l.Lost())
	l.Write(Record{Phase: Called})
	assert.True(t, l.Lost())
}
