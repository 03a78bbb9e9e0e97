package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/go-diskcache/diskcache/internal/history"
)

// host is where processes run. Those of another host than this one's a command starts
// there, as of a container; what is done to them has to be done there, too, for what runs
// here is the command, and another number is theirs. It is dcbench that is started for it.
type host struct {
	dir     string   // in which they find the caches
	command []string // none: they are started here
}

func (p *tortureParams) addHost(s string) error {
	dir, command, ok := strings.Cut(s, "=")
	if !ok || dir == "" {
		return errors.New("is not DIR=COMMAND")
	}
	p.hosts = append(p.hosts, host{dir, strings.Fields(command)})
	return nil
}

// workIn is where this process makes the directories of the caches: as it finds the first
// host's.
func (p *tortureParams) workIn() string {
	if len(p.hosts) > 0 {
		return p.hosts[0].dir
	}
	return p.dir
}

// remove removes a directory. On network disks it may have the names of what is gone yet: an SMB
// server keeps a file that a host has open until it has lost that host. What stays after a while is told.
func (t *torturing) remove(dir string) error {
	const within, pause = 20 * time.Second, 100 * time.Millisecond
	for begin := time.Now(); ; time.Sleep(pause) {
		err := os.RemoveAll(dir)
		if err == nil || len(t.p.hosts) == 0 {
			return err
		}
		if time.Since(begin) > within {
			left, _ := fs.Glob(os.DirFS(dir), "*")
			fmt.Fprintf(t.stderr, "dcbench torture: %v: %q stay\n", err, left)
			return nil
		}
	}
}

// newCrew returns a crew for a directory that it finds by a name.
func (t *torturing) newCrew(tasks []task, name string, seed uint64) *crew {
	c := &crew{tasks: tasks, dir: filepath.Join(t.dir, name), seed: seed}
	for _, h := range t.p.hosts {
		h.dir = filepath.Join(h.dir, filepath.Base(t.dir), name)
		c.hosts = append(c.hosts, h)
	}
	return c
}

// hostOf returns where the process of a place runs.
func (c *crew) hostOf(place int) host {
	if len(c.hosts) == 0 {
		return host{dir: c.dir}
	}
	return c.hosts[place%len(c.hosts)]
}

// newChild returns dcbench anew, to be started there.
func (h host) newChild(args ...string) (*exec.Cmd, error) {
	cmd, err := newChild(args...)
	if err != nil || len(h.command) == 0 {
		return cmd, err
	}
	return exec.Command(h.command[0], append(h.command[1:len(h.command):len(h.command)], cmd.Args...)...), nil
}

// begin takes the first line that a process wrote, if it has written any: its number.
func (m *member) begin(line []byte) {
	if r, err := history.Parse(line); err == nil && r.Phase == history.Began {
		m.pid = r.PID
	}
	close(m.begun)
}

// A signal is what is done to a process where it runs.
type signal string

const (
	sigKill     signal = "kill"
	sigStop     signal = "stop"
	sigContinue signal = "continue"
	sigStacks   signal = "stacks"
)

func (s signal) send(p *os.Process) error {
	switch s {
	case sigKill:
		return p.Kill()
	case sigStop:
		return pause(p)
	case sigContinue:
		return resume(p)
	case sigStacks:
		return askStacks(p)
	}
	return usageError{fmt.Errorf("unknown signal %q", s)}
}

// signal is os.ErrProcessDone if the process has ended.
func (m *member) signal(s signal) error {
	if len(m.host.command) == 0 {
		return s.send(m.cmd.Process)
	}
	<-m.begun
	if m.pid == 0 {
		return os.ErrProcessDone
	}
	cmd, err := m.host.newChild(childSignal, string(s), fmt.Sprint(m.pid))
	if err != nil {
		return err
	}
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return nil
	case cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == exitGone:
		return os.ErrProcessDone
	}
	return fmt.Errorf("%s process %d by %v: %w\n%s", s, m.pid, m.host.command, err, tail(out))
}

// sendSignal is the child that does it there.
func sendSignal(args []string) error {
	if len(args) != 2 {
		return usageError{errors.New("a signal and a process are wanted")}
	}
	pid, err := strconv.Atoi(args[1])
	if err != nil {
		return usageError{err}
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return signal(args[0]).send(p)
}
