package diskcache

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is known of an item is told without reading it, and is what Item tells.
func TestReaderItem(t *testing.T) {
	c, err := Open(t.TempDir(), &Options{FileThreshold: 1000})
	require.NoError(t, err)
	defer c.Close()
	for _, length := range []int{0, 10, 5000} {
		value := strings.Repeat("x", length)
		require.NoError(t, c.Set("k", []byte(value), Tag("t"), Kind(7), TTL(time.Hour)))
		r, it, err := c.ReaderItem("k")
		require.NoError(t, err)
		read, err := io.ReadAll(r)
		require.NoError(t, err)
		assert.Equal(t, value, string(read))
		require.NoError(t, r.Close())
		want, err := c.Item("k")
		require.NoError(t, err)
		want.Value = nil
		assert.Equal(t, want, it)
	}
	_, _, err = c.ReaderItem("nothing")
	assert.ErrorIs(t, err, ErrNotFound)
}
