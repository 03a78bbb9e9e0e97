package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// wallClock is a clock that a test sets.
type wallClock struct{ t time.Time }

func (c *wallClock) now() time.Time { return c.t }

func (c *wallClock) attrs(ttl time.Duration) Attrs { return Attrs{Expires: c.t.Add(ttl).UnixNano()} }

// TestDeadStayDead: what was found expired is not revived by a clock that goes
// back, whether the cache is opened anew or not. What is stored after that lives.
func TestDeadStayDead(t *testing.T) {
	for _, reopen := range []bool{false, true} {
		mem := vfs.NewMem()
		clock := &wallClock{time.Unix(1_700_000_000, 0)}
		o := Options{Now: clock.now}
		e, err := Open(mem, o)
		require.NoError(t, err)
		require.NoError(t, e.Set("a", []byte("v"), clock.attrs(time.Minute)))
		require.NoError(t, e.Set("b", []byte("v"), clock.attrs(time.Minute)))
		clock.t = clock.t.Add(time.Hour)
		_, err = e.Get("a", nil)
		require.ErrorIs(t, err, ErrExpired)
		clock.t = clock.t.Add(-time.Hour)
		if reopen {
			require.NoError(t, e.Close())
			e, err = Open(mem, o)
			require.NoError(t, err)
		}
		for _, key := range []string{"a", "b"} {
			_, err = e.Get(key, nil)
			require.ErrorIs(t, err, ErrExpired, key)
		}
		require.NoError(t, e.Set("a", []byte("new"), clock.attrs(time.Minute)))
		_, err = e.Get("a", nil)
		require.NoError(t, err, "an item that is younger than the wrong time")
		clock.t = clock.t.Add(time.Minute)
		_, err = e.Get("a", nil)
		require.ErrorIs(t, err, ErrExpired)
		require.NoError(t, e.Close())
	}
}

// TestClockAhead: what a clock that was years ahead has stored does not outlive its
// time by years once the clock is right; what is stored then has its full time.
func TestClockAhead(t *testing.T) {
	for _, ahead := range []time.Duration{48 * time.Hour, 365 * 24 * time.Hour, 10 * 365 * 24 * time.Hour} {
		mem := vfs.NewMem()
		clock := &wallClock{time.Unix(1_700_000_000, 0).Add(ahead)}
		e, err := Open(mem, Options{Now: clock.now})
		require.NoError(t, err)
		require.NoError(t, e.Set("ahead", []byte("v"), clock.attrs(time.Hour)))
		require.NoError(t, e.Set("forever", []byte("v"), Attrs{}))
		clock.t = clock.t.Add(-ahead)
		require.NoError(t, e.Set("right", []byte("v"), clock.attrs(time.Hour)))
		_, err = e.Get("ahead", nil)
		require.ErrorIs(t, err, ErrExpired)
		for _, key := range []string{"forever", "right"} {
			_, err = e.Get(key, nil)
			require.NoError(t, err, key)
		}
		clock.t = clock.t.Add(time.Hour)
		_, err = e.Get("right", nil)
		require.ErrorIs(t, err, ErrExpired)
		require.NoError(t, e.Close())
	}
}

// TestDeadOfAnyKind: to find anything expired, also what was known to be, is to know
// what time it is.
func TestDeadOfAnyKind(t *testing.T) {
	clock := &wallClock{time.Unix(1_700_000_000, 0)}
	e, err := Open(vfs.NewMem(), Options{Now: clock.now})
	require.NoError(t, err)
	require.NoError(t, e.Set("a", []byte("v"), clock.attrs(0)))
	_, err = e.Get("a", nil)
	require.ErrorIs(t, err, ErrExpired)
	require.NoError(t, e.Set("b", []byte("v"), clock.attrs(time.Hour)))
	clock.t = clock.t.Add(time.Hour)
	_, err = e.Get("a", nil)
	require.ErrorIs(t, err, ErrExpired)
	clock.t = clock.t.Add(-time.Second)
	_, err = e.Get("b", nil)
	require.ErrorIs(t, err, ErrExpired)
	require.NoError(t, e.Close())
}
