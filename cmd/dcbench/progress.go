package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progressRefresh is how often the terminal is written to at most.
const progressRefresh = 100 * time.Millisecond

// progress shows on a terminal that something goes on. Anywhere else it is
// silent: logs have no use for it.
type progress struct{ bar *progressbar.ProgressBar }

// newProgress shows what goes on, which consists of so many steps.
func newProgress(w io.Writer, what string, steps int) progress {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return progress{}
	}
	return progress{progressbar.NewOptions(steps,
		progressbar.OptionSetDescription(what), progressbar.OptionSetWriter(f), progressbar.OptionClearOnFinish(),
		progressbar.OptionShowCount(), progressbar.OptionThrottle(progressRefresh))}
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
