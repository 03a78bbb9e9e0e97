package contest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-diskcache/diskcache/cmd/dcbench/internal/memory"
)

// player obeys: it does with a store what it is ordered to.
type player struct {
	kind  Kind
	store Store

	base     uint64
	sizes    Sizes
	text     Text
	seed     uint64
	held     bool            // what is there was set by a process before this one
	versions []atomic.Uint32 // of each key: how often it was set; deleted is added where it was deleted since
	high     atomic.Int64    // all numbers of keys that were ever set are below

	aim        aim
	begun      int // operations with drawn keys, so that they go on where they ended
	background *background
	extra
}

const deleted = 1 << 31

// extra is the state of what not every store has.
type extra struct {
	shared   shared
	counts   []int64 // of counters: how often each was added to
	queue    queueState
	sweeping sweeping
	walked   bool // keys were inserted in order, and a walk must find them so
}

var errOrder = errors.New("not an order that can be obeyed now")

// Serve obeys the orders that come from in until they end.
func Serve(kind Kind, in io.Reader, out io.Writer) error {
	answers := json.NewEncoder(out)
	if err := answers.Encode(Answer{Hello: &kind.Promises}); err != nil {
		return err
	}
	p := &player{kind: kind}
	defer p.close()
	orders := json.NewDecoder(bufio.NewReader(in))
	for {
		var o Order
		if err := orders.Decode(&o); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := answers.Encode(p.answer(&o)); err != nil {
			return err
		}
	}
}

// answer obeys and says what came of it.
func (p *player) answer(o *Order) *Answer {
	start := time.Now()
	a, err := p.obey(o)
	if a == nil {
		a = &Answer{}
	}
	if a.Nanos == 0 {
		a.Nanos = int64(time.Since(start))
	}
	if err != nil {
		var wrong wrongError
		a.Error, a.Wrong = strings.ReplaceAll(err.Error(), "\n", "; "), errors.As(err, &wrong)
		a.Unsupported = errors.Is(err, errors.ErrUnsupported)
	}
	return a
}

func (p *player) obey(o *Order) (*Answer, error) {
	o.Goroutines = max(o.Goroutines, 1)
	switch {
	case o.Do == "begin":
		return nil, p.begin(o)
	case o.Do == "memory":
		return &Answer{Memory: &Memory{memory.Anonymous(), memory.Mapped()}}, nil
	case p.versions == nil:
		return nil, fmt.Errorf("%w, nothing was begun: %s", errOrder, o.Do)
	case o.Do == "open":
		return nil, p.open(o)
	case p.store == nil:
		return nil, fmt.Errorf("%w, the store is not open: %s", errOrder, o.Do)
	}
	switch o.Do {
	case "close":
		return nil, p.close()
	case "set", "get", "delete", "overwrite", "miss", "mix", "add", "incr", "queue", "peek":
		return p.play(o)
	case "fill":
		return p.fill(o)
	case "compact":
		return p.compact(o)
	case "verify":
		return p.verify(o)
	case "write":
		return nil, p.write(o)
	case "stop":
		return nil, p.stop()
	case "share":
		return nil, p.share(o)
	case "push":
		return nil, p.pushAll(o)
	case "walk":
		return p.walk(o)
	case "mark":
		return nil, p.mark(o)
	case "evict", "expire", "clear":
		return p.sweep(o)
	}
	return nil, fmt.Errorf("unknown order %q", o.Do)
}

// begin makes everything that takes memory, so that the store's own can be told apart.
func (p *player) begin(o *Order) (err error) {
	if p.sizes, err = ParseSizes(o.Sizes); err != nil {
		return err
	}
	if o.Held > o.KeyCount || o.KeyCount < 1 {
		return fmt.Errorf("%w: %d keys of %d", errOrder, o.Held, o.KeyCount)
	}
	p.base, p.seed, p.held = o.Base, o.Seed, o.Held > 0
	p.text = NewText(o.Seed, p.sizes.Most())
	p.versions = make([]atomic.Uint32, o.KeyCount)
	for i := range p.versions {
		p.versions[i].Store(0) // the page is there now
	}
	for i := range o.Held {
		p.versions[i].Store(1)
	}
	p.high.Store(int64(o.Held))
	p.extra = extra{}
	p.sweeping.begin = time.Now()
	return nil
}

func (p *player) open(o *Order) (err error) {
	if p.store != nil {
		return fmt.Errorf("%w: it is open", errOrder)
	}
	opt := Options{Sync: o.Sync, Compression: o.Compression, Keys: len(p.versions), ValueSize: p.sizes.Mean(), Largest: p.sizes.Most()}
	if o.Write == "expire" {
		opt.Now = p.sweeping.now
	}
	p.store, err = p.kind.Open(o.Dir, opt)
	if err != nil {
		p.store = nil
	}
	return err
}

func (p *player) close() error {
	if p.store == nil {
		return nil
	}
	err := p.store.Close()
	p.store = nil
	return err
}
