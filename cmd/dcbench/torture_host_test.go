package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/internal/history"
)

// needEnv skips a test on systems without the command that starts another one and is gone.
func needEnv(t *testing.T) {
	t.Helper()
	needClock(t)
	if _, err := os.Stat("/usr/bin/env"); err != nil {
		t.Skip("no /usr/bin/env")
	}
}

// Processes of several hosts are started there by turns, killed and stopped by their own
// numbers, and find the caches under other names.
func TestTortureHosts(t *testing.T) {
	needEnv(t)
	long(t)
	dir := t.TempDir()
	other := filepath.Join(t.TempDir(), "mounted")
	require.NoError(t, os.Symlink(dir, other))
	hosts := []string{"torture", "--seed", "3", "--host", dir + "=", "--host", other + "=/usr/bin/env", "--procs", "4"}
	for want, more := range map[string][]string{
		", 8 kills,": {"--scenario", "kill", "--kills", "8"},
		"1 faults, for which 0 operations failed": {"--histories", "1", "--ops", "600", "--kills", "0", "--stops", "0", "--fault", "true"},
	} {
		code, stdout, stderr := dcbench(append(hosts[:len(hosts):len(hosts)], more...)...)
		require.Equal(t, exitOK, code, "%s%.2000s", stdout, stderr)
		assert.Contains(t, stdout, want)
		assert.Contains(t, stdout, "0 violations")
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// What is done to a process that a command has started is done by that command, and a process
// that has ended is told from a command that does not work.
func TestSignalsGoToTheHost(t *testing.T) {
	needEnv(t)
	sleeper := exec.Command("/bin/sh", "-c", "read x")
	stdin, err := sleeper.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, sleeper.Start())
	defer stdin.Close()
	m := &member{host: host{command: []string{"/usr/bin/env"}}, begun: make(chan struct{})}
	m.begin(history.Record{Phase: history.Began, PID: sleeper.Process.Pid}.Append(nil))
	for _, s := range []signal{sigStop, sigContinue, sigKill} {
		require.NoError(t, m.signal(s))
	}
	assert.ErrorContains(t, sleeper.Wait(), "killed")
	assert.ErrorIs(t, m.signal(sigKill), os.ErrProcessDone)
	m.host.command = []string{"/usr/bin/env", "no-such-command"}
	err = m.signal(sigKill)
	require.Error(t, err)
	assert.NotErrorIs(t, err, os.ErrProcessDone)

	dead := &member{host: m.host, begun: make(chan struct{})}
	dead.begin(nil)
	assert.ErrorIs(t, dead.signal(sigKill), os.ErrProcessDone)
}

// A fault that cannot be made ends the torture: it would be none.
func TestFaultThatFails(t *testing.T) {
	needEnv(t)
	long(t)
	code, _, stderr := dcbench("torture", "--dir", t.TempDir(), "--procs", "1", "--histories", "1", "--ops", "100", "--kills", "0", "--stops", "0",
		"--fault", "echo no such host; false")
	assert.Equal(t, exitWrong, code)
	assert.Contains(t, stderr, "no such host")
}

// A fault excuses what fails while it lasts and shortly after, and nothing that is wrong.
func TestFaultsExcuse(t *testing.T) {
	f := &faults{spans: []span{{from: 100, to: 200}}}
	for name, test := range map[string]struct {
		op      history.Op
		excused bool
	}{
		"before":       {history.Op{Call: 10, Return: 99, Err: "x"}, false},
		"from before":  {history.Op{Call: 10, Return: 100, Err: "x"}, true},
		"to after":     {history.Op{Call: 200, Return: 900, Err: "x"}, true},
		"after":        {history.Op{Call: 201, Return: 202, Err: "x"}, false},
		"wrong within": {history.Op{Call: 110, Return: 120, Err: "x", Wrong: true}, false},
	} {
		assert.Equal(t, test.excused, f.excuse(&test.op), name)
	}
}

// An operation that takes longer with faults than it may is told of, and one that fails for no fault.
func TestTally(t *testing.T) {
	tt := &torturing{p: &tortureParams{}, excused: make(map[string]int)}
	c := &crew{faults: faults{spans: []span{{from: 100, to: 200}}}}
	errs := []history.Op{{Call: 110, Return: 120, Err: "away"}, {Call: 900, Return: 910, Err: "away"}}
	tt.tally(c, &history.Merged{Errors: errs, Within: returnsWithin + 1})
	assert.Equal(t, map[string]int{"away": 1}, tt.excused)
	assert.Equal(t, 1, tt.out.Excused)
	assert.Equal(t, 1, tt.out.Errors)
	require.Len(t, tt.wrong, 2)
	assert.Contains(t, tt.wrong[0], "away")
	assert.Contains(t, tt.wrong[1], "took")
}
