package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/contest"
)

// peer is a process with a store, which does what it is ordered to: see the package contest.
type peer interface {
	ask(o contest.Order) (*contest.Answer, error)
	end() error
}

// process is a peer that is one.
type process struct {
	name     string
	cmd      *exec.Cmd
	in       io.WriteCloser
	answers  <-chan contest.Answer // closed when it says no more
	patience time.Duration         // for an answer, besides the time that the order itself gives
	promises contest.Promises
	stderr   bytes.Buffer // to be read when it has ended
	gone     bool
}

// patience is how long an answer may take. To fill a slow store takes long.
const patience = 10 * time.Minute

// errHangs is the error for a process that does not answer.
var errHangs = errors.New("it did not answer, and was killed")

// startProcess starts a process and hears what it is.
func startProcess(name string, cmd *exec.Cmd, patience time.Duration) (*process, error) {
	cmd.WaitDelay = time.Second // for output of what it may have started
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	answers := make(chan contest.Answer)
	p := &process{name: name, cmd: cmd, in: in, answers: answers, patience: patience}
	cmd.Stderr = &p.stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go listenTo(out, answers)
	hello, err := p.hear(patience)
	if err == nil && hello.Hello == nil {
		err = errors.Join(errors.New("it did not say what it is"), p.kill())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p.promises = *hello.Hello
	return p, nil
}

// listenTo passes on what a process says, until it ends, or says what is no answer.
func listenTo(out io.Reader, answers chan<- contest.Answer) {
	defer close(answers)
	d := json.NewDecoder(out)
	for {
		var a contest.Answer
		if d.Decode(&a) != nil {
			return
		}
		answers <- a
	}
}

// hear waits for the next answer. Who does not give one is killed.
func (p *process) hear(wait time.Duration) (*contest.Answer, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case a, ok := <-p.answers:
		if !ok {
			return nil, errors.Join(errors.New("it ended"), p.kill())
		}
		return &a, nil
	case <-timer.C:
		return nil, errors.Join(fmt.Errorf("%w after %v", errHangs, wait), p.kill())
	}
}

func (p *process) ask(o contest.Order) (*contest.Answer, error) {
	if p.gone {
		return nil, fmt.Errorf("%s: %s: %w", p.name, o.Do, os.ErrProcessDone)
	}
	line, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(p.in, "%s\n", line); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", p.name, o.Do, errors.Join(err, p.kill()))
	}
	a, err := p.hear(p.patience + time.Duration(o.Millis)*time.Millisecond)
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", p.name, o.Do, err)
	}
	return a, answerError(p.name, o.Do, a)
}

// wrongError says that a store answered what is not so.
type wrongError struct{ error }

// answerError returns the error that an answer tells of.
func answerError(name, order string, a *contest.Answer) error {
	if a.Error == "" {
		return nil
	}
	err := fmt.Errorf("%s: %s: %s", name, order, a.Error)
	switch {
	case a.Wrong:
		return wrongError{err}
	case a.Unsupported:
		return errors.Join(errors.ErrUnsupported, err)
	}
	return err
}

// end closes the input, on which the process ends.
func (p *process) end() error {
	if p.gone {
		return nil
	}
	p.gone = true
	err := p.in.Close()
	timer := time.AfterFunc(p.patience, func() { _ = p.cmd.Process.Kill() }) // Wait tells of it
	defer timer.Stop()
	return errors.Join(err, p.ended())
}

// kill ends the process by SIGKILL, or what comes next to it, and returns what it died of.
func (p *process) kill() error {
	if p.gone {
		return nil
	}
	p.gone = true
	return errors.Join(ignoreDone(p.cmd.Process.Kill()), p.ended())
}

// ended waits for the end, and returns what the process said of it.
func (p *process) ended() error {
	for range p.answers {
	}
	err := p.cmd.Wait()
	if err != nil && p.stderr.Len() > 0 {
		err = fmt.Errorf("%w\n%s", err, tail(p.stderr.Bytes()))
	}
	return err
}
