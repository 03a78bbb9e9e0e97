package diskcache

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const queueProcs = 3

// queueRounds is how often each process pushes and pulls. On a network disk each time takes some milliseconds.
func queueRounds(network bool) int {
	if network {
		return 12
	}
	return 100
}

func init() { children["queue"] = queueInChild }

// queueInChild pushes numbers, and pulls as many items as it gets with as many pulls, and prints them.
func queueInChild(dir string) int {
	o := &Options{Network: NetworkNever}
	network := len(os.Args) > 2
	if network {
		o = &Options{Network: NetworkYes, Freshness: -1}
	}
	c, err := Open(dir, o)
	for i := 0; err == nil && i < queueRounds(network); i++ {
		if _, err = c.Push("q", fmt.Append(nil, os.Getpid(), " ", i), Back); err != nil {
			break
		}
		var it Item
		if it, err = c.Pull("q", Front); errors.Is(err, ErrNotFound) {
			err = nil
		} else if err == nil {
			fmt.Println(string(it.Value))
		}
	}
	if err != nil || c.Close() != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestQueueProcesses has several processes push and pull: each item is pulled once, and those of one
// process come to each other in the order in which it has pushed them.
func TestQueueProcesses(t *testing.T) {
	for _, network := range []Network{NetworkNever, NetworkYes} {
		t.Run(fmt.Sprint("network ", network), func(t *testing.T) {
			dir := t.TempDir()
			c := mustOpen(t, dir, &Options{Network: network, Freshness: -1})
			var procs []*exec.Cmd
			pulled := make([]bytes.Buffer, queueProcs+1)
			for i := range queueProcs {
				args := []string{dir}
				if network == NetworkYes {
					args = append(args, "network")
				}
				p := exec.Command(os.Args[0], args...)
				p.Env = append(os.Environ(), childEnv+"=queue")
				p.Stdout, p.Stderr = &pulled[i], os.Stderr
				require.NoError(t, p.Start())
				procs = append(procs, p)
			}
			for _, p := range procs {
				require.NoError(t, p.Wait())
			}
			for {
				it, err := c.Pull("q", Front)
				if errors.Is(err, ErrNotFound) {
					break
				}
				require.NoError(t, err)
				fmt.Fprintln(&pulled[queueProcs], string(it.Value))
			}
			require.NoError(t, c.Close())

			seen := make(map[string]bool)
			for i := range pulled {
				last := make(map[string]int)
				for _, line := range strings.Fields(strings.ReplaceAll(pulled[i].String(), " ", ":")) {
					require.False(t, seen[line], "%s was pulled twice", line)
					seen[line] = true
					var n int
					who, rest, _ := strings.Cut(line, ":")
					_, err := fmt.Sscan(rest, &n)
					require.NoError(t, err)
					require.GreaterOrEqual(t, n, last[who], "of process %s", who)
					last[who] = n
				}
			}
			require.Len(t, seen, queueProcs*queueRounds(network == NetworkYes))
		})
	}
}
