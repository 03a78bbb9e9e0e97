package main

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
)

// The killing is only worth something if it notices what is wrong. Each case
// spoils the cache after a round and says what is to be found.
func TestKillingFindsWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(c *diskcache.Cache, key string) error
		says  string
	}{
		"lost":      {func(c *diskcache.Cache, key string) error { _, err := c.Delete(key); return err }, "lost, is to be any of"},
		"wrong":     {func(c *diskcache.Cache, key string) error { return c.Set(key, []byte("other")) }, "that is not any of"},
		"not asked": {func(c *diskcache.Cache, _ string) error { return c.Set("nobody's", nil) }, "Len is"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKilling(t.TempDir(), 7)
			_, err := k.run(3, progress{})
			require.NoError(t, err)
			require.Empty(t, k.outcome.wrong)
			require.Positive(t, k.outcome.changes)
			changeCache(t, k.dir, killOptions(), func(c *diskcache.Cache) error { return test.spoil(c, k.anyPresent()) })
			require.NoError(t, k.look())
			require.NotEmpty(t, k.outcome.wrong)
			assert.Contains(t, k.outcome.wrong[0], test.says)
		})
	}
}

// anyPresent returns a key that is there.
func (k *killing) anyPresent() string {
	for _, key := range slices.Sorted(maps.Keys(k.may)) {
		if v := k.may[key]; len(v) == 1 && v[0].present {
			return key
		}
	}
	panic("no key is there")
}

// A key that was deleted and is there again is no key that may be there.
func TestKillingFindsTheDead(t *testing.T) {
	k := newKilling(t.TempDir(), 7)
	key := keyOfWriter(0, 0)
	v := version{change: 1, size: 100, present: true}
	k.may[key] = []version{{change: 2}}
	changeCache(t, k.dir, killOptions(), func(c *diskcache.Cache) error { return c.Set(key, v.value(key)) })
	require.NoError(t, k.look())
	require.Len(t, k.outcome.wrong, 1)
	assert.Contains(t, k.outcome.wrong[0], "not any of [absent]")
}

// What was told is what the key is; the change after it may be made or not.
func TestReplay(t *testing.T) {
	k := newKilling("", 1)
	k.replay(newStory(1, 0, 0), 5)
	s := newStory(1, 0, 0)
	last := make(map[string][]version)
	for range 5 {
		c := s.next()
		last[c.key] = []version{c.to}
	}
	next := s.next()
	if last[next.key] == nil {
		last[next.key] = []version{{}}
	}
	last[next.key] = append(last[next.key], next.to)
	assert.Equal(t, last, k.may)
}

func TestStory(t *testing.T) {
	a, b, other := newStory(1, 2, 3), newStory(1, 2, 3), newStory(1, 3, 3)
	deletes, same := 0, 0
	for range 1000 {
		x := a.next()
		require.Equal(t, x, b.next())
		if x.key == other.next().key {
			same++
		}
		if !x.to.present {
			deletes++
			continue
		}
		require.Len(t, x.to.value(x.key), x.to.size)
	}
	assert.InDelta(t, 150, deletes, 75)
	assert.Less(t, same, 100)
}
