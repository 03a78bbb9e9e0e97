package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progressRefresh is how often the terminal is written to.
const progressRefresh = 100 * time.Millisecond

// progress shows on a terminal that something goes on. Anywhere else it is
// silent: logs have no use for it.
type progress struct{ bar *progressbar.ProgressBar }

func newProgress(w io.Writer) progress {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return progress{}
	}
	return progress{progressbar.NewOptions(-1,
		progressbar.OptionSetWriter(f), progressbar.OptionClearOnFinish(),
		progressbar.OptionShowCount(), progressbar.OptionThrottle(progressRefresh))}
}

// expect says what goes on, and of how many steps it consists.
func (p progress) expect(what string, steps int) {
	if p.bar != nil {
		p.bar.Reset()
		p.bar.ChangeMax(steps)
		p.bar.Describe(what)
	}
}

func (p progress) step() {
	if p.bar != nil {
		_ = p.bar.Add(1) // a terminal that is gone is no reason to stop
	}
}

// done removes the bar.
func (p progress) done() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
