package fanout

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache"
)

// childEnv has the directory for a child, which asks for what is in shard 2 until it is killed.
const childEnv = "DISKCACHE_FANOUT_CHILD"

const (
	childLimit  = 200
	childShards = 4
)

func openAsChild(dir string) (*Store, error) {
	return Open(dir, &Options{Shards: childShards, Options: diskcache.Options{CountLimit: childLimit, ManualCompaction: true}})
}

// runChild is the main function of a child.
func runChild(dir string) int {
	s, err := openAsChild(dir)
	for load := newTraffic(keysOf(childShards, 400), 2); err == nil; {
		if err = ask(s, load); err == nil {
			_, err = fmt.Println("moved")
		}
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// ask asks for some keys and moves shares.
func ask(s *Store, load *traffic) error {
	for range 30 {
		k := load.next()
		if has, err := s.Has(k); err != nil || has {
			continue
		}
		if err := s.Set(k, nil); err != nil {
			return err
		}
	}
	return s.balancer.pass(context.Background(), time.Now(), true)
}

// TestProcesses has two processes move shares at once, each to a shard of its own, one of which is killed
// again and again: the shares are never more than the whole, and what a killed one was about to move is
// not lost.
func TestProcesses(t *testing.T) {
	dir := t.TempDir()
	s, err := openAsChild(dir)
	require.NoError(t, err)
	defer s.Close()
	load := newTraffic(keysOf(childShards, 400), 1)
	for range 3 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childEnv+"="+dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for range 3 {
			require.True(t, lines.Scan(), "the child has ended by itself")
			require.NoError(t, ask(s, load))
			require.LessOrEqual(t, exactSum(t, s), int64(childLimit))
		}
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
		require.LessOrEqual(t, exactSum(t, s), int64(childLimit))
	}
	for range 12 {
		require.NoError(t, ask(s, load))
	}
	require.GreaterOrEqual(t, 10*exactSum(t, s), int64(9*childLimit))
	shares := sharesOf(t, s)
	require.Greater(t, shares[1][items], int64(childLimit/childShards), "an equal share; %v", shares)
}

// exactSum returns the sum of the shares while nobody moves them.
func exactSum(t *testing.T, s *Store) (sum int64) {
	t.Helper()
	require.NoError(t, s.balancer.notes.Update(func(*diskcache.Tx) error {
		now, err := s.balancer.settings(t.Context())
		for _, set := range now {
			sum += set.CountLimit
		}
		return err
	}))
	return sum
}
