package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/go-diskcache/diskcache/internal/history"
)

// host is where processes run. Those of another host than this one's a command starts
// there, as of a container; what is done to them has to be done there, too, for what runs
// here is the command, and another number is theirs.
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

// A signal is what is done to a process: here, or by the command kill where it runs.
type signal struct {
	name string
	here func(*os.Process) error
}

var (
	sigKill     = signal{"KILL", (*os.Process).Kill}
	sigStop     = signal{"STOP", pause}
	sigContinue = signal{"CONT", resume}
	sigStacks   = signal{"QUIT", askStacks}
)

// signal fails if the process has ended.
func (m *member) signal(s signal) error {
	if len(m.host.command) == 0 {
		return s.here(m.cmd.Process)
	}
	<-m.begun
	if m.pid == 0 {
		return os.ErrProcessDone
	}
	command := append(m.host.command[1:len(m.host.command):len(m.host.command)], "kill", "-"+s.name, fmt.Sprint(m.pid))
	return exec.Command(m.host.command[0], command...).Run()
}
