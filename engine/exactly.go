package engine

import (
	"errors"
	"fmt"

	"github.com/go-diskcache/diskcache/keydir"
)

// What is asked of a view is looked up in the index, and the two have to be of one moment. Mostly
// they are. Where commits come all the while, they are kept from being applied: a reader takes
// neither of the writer locks before that.

// freeTries is how often it is tried beside writers.
const freeTries = 4

// errRestless: what was looked at never stayed as it was, however often. Each time the index was
// built anew, or a view of it.
var errRestless = fmt.Errorf("%w: the index was built anew each time it was looked at", ErrTimeout)

// exactly calls try until it is exact: what it has seen was so at one moment; what it returns then is
// the outcome. After some tries it is frozen: nothing is applied meanwhile, neither commits of this process
// nor those of others, of which all are that were published before.
func (e *Engine) exactly(k viewKind, try func(frozen bool) (exact bool, err error)) error {
	for range freeTries {
		if exact, err := try(false); exact || isHard(err) {
			return err
		}
	}
	for range maxLookups {
		if exact, err := e.frozen(k, try); exact || isHard(err) {
			return err
		}
	}
	return errRestless
}

// isHard reports whether an error is one of the attempt, and not what it has found.
func isHard(err error) bool { return err != nil && !isMiss(err) }

// frozen calls try while nothing is applied. The view is built before; where it went meanwhile, or the
// index needs mending, all begins anew.
func (e *Engine) frozen(k viewKind, try func(frozen bool) (exact bool, err error)) (exact bool, err error) {
	if err := e.catchUp(); err != nil {
		return false, err
	}
	if err := e.withView(k, false, func(*view) {}); err != nil {
		return false, err
	}
	err = e.freeze(func() error {
		exact, err = false, nil
		if e.views.has(k, e.index.Load()) {
			exact, err = try(true)
		}
		return err
	})
	if err == errPartial || errors.Is(err, keydir.ErrDamaged) {
		return false, nil
	}
	return exact, err
}

// freeze calls fn with the writer lock of the process held, with which all is applied that is. So fn
// reads the index as it is (asIs): whatever takes that lock, to follow or to mend, would wait for itself.
// Where fn fails and others have committed meanwhile, they may have removed what it wanted to read,
// and it is called again.
func (e *Engine) freeze(fn func() error) error {
	for try := 0; ; try++ {
		if err := e.catchUp(); err != nil {
			return err
		}
		if e.index.Load().Err() != nil {
			if err := e.rebuildFromRead(); err != nil {
				return err
			}
		}
		if again, err := e.freezeOnce(fn); !again || try == maxLookups {
			return err
		}
	}
}

func (e *Engine) freezeOnce(fn func() error) (again bool, err error) {
	e.w.mu.Lock()
	defer e.w.mu.Unlock()
	if e.w.closed {
		return false, ErrClosed
	}
	if err := e.follow(); err != nil {
		return false, err
	}
	err = fn()
	return isHard(err) && e.behindNow(), err
}
