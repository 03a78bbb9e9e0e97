package segment

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPublishThen: what is to be done when nobody is left who may have seen the old
// state waits for the holders of older sets too.
func TestPublishThen(t *testing.T) {
	var log Log
	log.Publish([]*Segment{})
	first := log.Acquire(0)
	log.Publish([]*Segment{})
	second := log.Acquire(0)
	called := 0
	log.PublishThen([]*Segment{}, func() { called++ })
	third := log.Acquire(0)
	require.True(t, first.Over())
	require.False(t, third.Over())
	second.Release(0)
	require.Zero(t, called)
	first.Release(0)
	require.Equal(t, 1, called)
	third.Release(0)
	log.Publish(nil)
	log.Wait()
	require.Equal(t, 1, called)
}
