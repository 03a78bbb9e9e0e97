package sortset

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// model is a sorted slice, with which a Set has to agree.
type model struct {
	set  Set
	want []string
}

func (m *model) add(t require.TestingT, s string) {
	i, found := slices.BinarySearch(m.want, s)
	require.Equal(t, !found, m.set.Add([]byte(s)))
	if !found {
		m.want = slices.Insert(m.want, i, s)
	}
}

func (m *model) remove(t require.TestingT, s string) {
	i, found := slices.BinarySearch(m.want, s)
	require.Equal(t, found, m.set.Remove([]byte(s)))
	if found {
		m.want = slices.Delete(m.want, i, i+1)
	}
}

func (m *model) look(t require.TestingT, s string) {
	i, found := slices.BinarySearch(m.want, s)
	require.Equal(t, found, m.set.Has([]byte(s)))
	require.Equal(t, i, m.set.Rank([]byte(s)))
	var from, before []string
	for x := range m.set.From([]byte(s)) {
		if from = append(from, string(x)); len(from) == 300 {
			break
		}
	}
	require.True(t, slices.Equal(m.want[i:min(len(m.want), i+300)], from), "from %q", s)
	for x := range m.set.Before([]byte(s)) {
		if before = append(before, string(x)); len(before) == 300 {
			break
		}
	}
	slices.Reverse(before)
	require.True(t, slices.Equal(m.want[max(0, i-300):i], before), "before %q", s)
}

// check compares all, and that the parts of the set are as they have to be.
func (m *model) check(t require.TestingT) {
	require.Equal(t, len(m.want), m.set.Len())
	var got []string
	for s := range m.set.From(nil) {
		got = append(got, string(s))
	}
	require.True(t, slices.Equal(m.want, got))
	for i := 0; i < len(m.want); i += 1 + i/7 {
		require.Equal(t, m.want[i], string(m.set.AppendAt(nil, i)))
	}
	chunkBytes := 0
	for _, b := range m.set.blocks {
		require.NotEmpty(t, b.chunks)
		require.LessOrEqual(t, len(b.chunks), mostChunks)
		n := 0
		for _, c := range b.chunks {
			n += c.len()
			chunkBytes += c.memBytes()
			require.LessOrEqual(t, c.len(), mostStrings)
			require.True(t, c.len() == 1 || len(c.buf) <= mostBytes)
			first, last := c.append(nil, 0), c.append(nil, c.len()-1)
			require.True(t, bytes.HasPrefix(first, c.buf[:c.common]) && bytes.HasPrefix(last, c.buf[:c.common]))
		}
		require.Equal(t, n, b.n)
	}
	require.Equal(t, chunkBytes, m.set.bytes)
}

// anyString draws strings that are near each other, share beginnings, are empty or long.
func anyString() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			return ""
		case 1:
			return strings.Repeat("a", rapid.IntRange(0, 9000).Draw(t, "length"))
		case 2, 3, 4:
			return fmt.Sprintf("user:%06d", rapid.IntRange(0, 3000).Draw(t, "n"))
		case 5, 6:
			return string(binary.BigEndian.AppendUint64(nil, rapid.Uint64Range(1<<50, 1<<50+3000).Draw(t, "n")))
		}
		return string(rapid.SliceOfN(rapid.Byte(), 0, 6).Draw(t, "bytes"))
	})
}

func TestSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var m model
		run := func(t *rapid.T, do func(require.TestingT, string)) {
			from, step := rapid.IntRange(0, 5000).Draw(t, "from"), rapid.SampledFrom([]int{1, -1, 3, 37}).Draw(t, "step")
			for i := range rapid.IntRange(1, 700).Draw(t, "count") {
				do(t, fmt.Sprintf("run:%08d", 1_000_000+from+i*step))
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add":         func(t *rapid.T) { m.add(t, anyString().Draw(t, "s")) },
			"remove":      func(t *rapid.T) { m.remove(t, anyString().Draw(t, "s")) },
			"look":        func(t *rapid.T) { m.look(t, anyString().Draw(t, "s")) },
			"add many":    func(t *rapid.T) { run(t, m.add) },
			"remove many": func(t *rapid.T) { run(t, m.remove) },
			"remove there": func(t *rapid.T) {
				if len(m.want) > 0 {
					m.remove(t, rapid.SampledFrom(m.want).Draw(t, "s"))
				}
			},
			"": func(t *rapid.T) { m.check(t) },
		})
	})
}

// TestSetLarge: more than a block holds, from both ends, and down to nothing again.
func TestSetLarge(t *testing.T) {
	var m model
	const n = 60_000
	for i := range n {
		m.set.Add(fmt.Appendf(nil, "k%06d", n+i))
		m.set.Add(fmt.Appendf(nil, "k%06d", n-i-1))
	}
	for i := range 2 * n {
		m.want = append(m.want, fmt.Sprintf("k%06d", i))
	}
	m.check(t)
	require.Greater(t, len(m.set.blocks), 2)
	require.Less(t, m.set.MemBytes(), 2*n*9, "strings of 7 bytes that have most of them in common")
	for i := range 2 * n {
		if i%100 != 0 {
			require.True(t, m.set.Remove(fmt.Appendf(nil, "k%06d", i)))
		}
	}
	m.want = m.want[:0]
	for i := 0; i < 2*n; i += 100 {
		m.want = append(m.want, fmt.Sprintf("k%06d", i))
	}
	m.check(t)
	require.Less(t, m.set.MemBytes(), 2*n/100*20, "room was given back")
	for i := 0; i < 2*n; i += 100 {
		require.True(t, m.set.Remove(fmt.Appendf(nil, "k%06d", i)))
	}
	require.Zero(t, m.set.Len())
	require.Empty(t, m.set.blocks)
	m.want = nil
	m.check(t)
}

// BenchmarkAdd adds a million keys in order, and at random.
func BenchmarkAdd(b *testing.B) {
	for _, step := range []int{1, 7919} {
		b.Run(fmt.Sprint("step ", step), func(b *testing.B) {
			var set Set
			for b.Loop() {
				set = Set{}
				for i, at := 0, 0; i < 1_000_000; i, at = i+1, (at+step)%1_000_000 {
					set.Add(fmt.Appendf(nil, "key-%012d", at))
				}
			}
			b.ReportMetric(float64(set.MemBytes())/1e6, "B/key")
		})
	}
}
