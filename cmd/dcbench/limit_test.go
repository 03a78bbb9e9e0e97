package main

import (
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The limit is only one if it does read what was written, from all files.
func TestLimitReadsWhatItWrote(t *testing.T) {
	const n, recordSize = 7, 24
	l := newLimitLog(t.TempDir(), recordSize, false)
	l.per = 3
	b := make([]byte, recordSize)
	for i := range n {
		b[0] = byte(i)
		require.NoError(t, l.append(b))
	}
	assert.Len(t, *l.files.Load(), 3)
	mapped, err := l.mapAll()
	require.NoError(t, err)
	for i := range n {
		b[0] = byte(i)
		want := xxhash.Sum64(b)
		got, err := l.read(int64(i), make([]byte, recordSize))
		require.NoError(t, err)
		assert.Equal(t, want, got)
		if mapped {
			assert.Equal(t, want, l.readMapped(int64(i)))
		}
	}
	require.NoError(t, l.close())
}
