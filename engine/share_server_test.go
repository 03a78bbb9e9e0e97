package engine

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// onServers runs a test on network disks of each kind, which show what is old as they like.
func onServers(t *testing.T, seeds uint64, test func(t *testing.T, srv *vfs.Server, seed uint64)) {
	switch {
	case os.Getenv("DISKCACHE_TORTURE") != "":
		seeds *= 20
	case testing.Short():
		seeds = min(seeds, 2)
	}
	for _, f := range []vfs.Flavour{vfs.NFS3, vfs.NFS4, vfs.SMB} {
		for seed := range seeds {
			t.Run(fmt.Sprint(f, " ", seed), func(t *testing.T) {
				t.Parallel()
				test(t, vfs.NewServer(vfs.ServerOptions{Flavour: f, Seed: seed}), seed)
			})
		}
	}
}

// asMounted is the directory as a process of a host has it.
func asMounted(h *vfs.Host) vfs.FS { return vfs.NewRetry(h.Process(), vfs.RetryOptions{}) }

// TestShareHosts: processes of two hosts do anything, one after the other, and all is as if it
// were done in one map.
func TestShareHosts(t *testing.T) {
	onServers(t, 6, func(t *testing.T, srv *vfs.Server, seed uint64) {
		a, b := srv.Host("a"), srv.Host("b")
		hosts := []*vfs.Host{a, a, b}
		for _, e := range anyOrder(t, seed, 150, func(i int) vfs.FS { return asMounted(hosts[i]) }, true) {
			require.NoError(t, e.Close())
		}
	})
}
