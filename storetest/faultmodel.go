package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-diskcache/diskcache"
	"github.com/stretchr/testify/require"
)

// change is what an operation makes of keys: nil of one that it removes.
type change map[string]*modelItem

// changeFrom returns what leads from one state to another.
func changeFrom(was, is *model) change {
	c := make(change)
	for k, it := range is.items {
		if old := was.items[k]; old == nil || old.version != it.version {
			c[k] = it
		}
	}
	for k := range was.items {
		if is.items[k] == nil {
			c[k] = nil
		}
	}
	return c
}

// parts returns the change of each key by itself.
func (c change) parts() (all []change) {
	for k, it := range c {
		all = append(all, change{k: it})
	}
	return all
}

func (c change) anyOf(keys change) bool {
	for k := range c {
		if _, ok := keys[k]; ok {
			return true
		}
	}
	return false
}

// apply returns the state after changes.
func (m *model) apply(changes ...change) *model {
	after := m.clone()
	after.began = outside
	for _, c := range changes {
		for k, it := range c {
			if it == nil {
				delete(after.items, k)
				continue
			}
			copied := *it
			after.items[k] = &copied
		}
	}
	return after
}

// done: an operation has been done, and what had failed before for these keys shows no more.
func (r *faultRun) done(is *model) {
	keys := changeFrom(r.model, is)
	var left []change
	for _, c := range r.pending {
		for _, part := range c.parts() { // what was as a whole need be so no more: part of it may have been deleted that never showed
			if !part.anyOf(keys) {
				left = append(left, part)
			}
		}
	}
	r.pending, r.model = left, is
}

// failed: an operation has returned an error. It has changed nothing, but where a sync has failed: it
// may have been done then.
func (r *faultRun) failed(op storeOp, want *model, err error) {
	r.Helper()
	inParts := r.of.InParts || op.sweeps
	was, c := r.model, changeFrom(r.model, want)
	was.last = want.last
	if len(c) == 0 {
		return
	}
	is := r.look(r.Store)
	switch {
	case slices.Equal(is, r.render(was)):
	case (op.late || errors.Is(err, diskcache.ErrNotSynced)) && slices.Equal(is, r.render(want)):
		r.done(want)
		return
	case inParts && op.several:
		c = r.inPart(is, c)
	default:
		require.Equal(r, r.render(was), is, "changed by what has failed with %v: %s", err, r.story())
	}
	if inParts || op.torn {
		r.pending = append(r.pending, c.parts()...)
		return
	}
	r.pending = append(r.pending, c)
}

// inPart takes note of the part of a change that was done, and returns the rest.
func (r *faultRun) inPart(is []string, c change) (rest change) {
	r.Helper()
	rest = make(change)
	var made []change
	for k, it := range c {
		part := change{k: it}
		if text := shown(r.model.apply(part), k); text != shown(r.model, k) && (text == "" || slices.Contains(is, text)) && r.has(k) == (text != "") {
			made = append(made, part)
		} else {
			rest[k] = it
		}
	}
	r.done(r.model.apply(made...))
	require.Equal(r, r.render(r.model), is, "neither as it was nor in part as it was to be: %s", r.story())
	return rest
}

func (r *faultRun) has(key string) bool {
	r.Helper()
	ok, err := r.Has(key)
	require.NoError(r, err)
	return ok
}

// shown returns what a state has under a key, "" if nothing.
func shown(m *model, key string) string {
	it := m.find(key)
	if it == nil {
		return ""
	}
	return textOf(m.item(it))
}

// render returns all items of a state; look those of a store.
func (r *faultRun) render(m *model) (all []string) {
	for _, it := range m.scan(diskcache.Range{}) {
		all = append(all, textOf(m.item(it)))
	}
	return r.sorted(all)
}

func (r *faultRun) look(s diskcache.Store) (all []string) {
	r.Helper()
	for it, err := range s.ScanItems(diskcache.Range{}) {
		require.NoError(r, err, r.story())
		all = append(all, textOf(it))
	}
	return r.sorted(all)
}

func (r *faultRun) sorted(all []string) []string {
	if r.anyOrder {
		slices.Sort(all)
	}
	return all
}

// agrees checks the store, on disks that are well, by all ways of asking.
func (r *faultRun) agrees() {
	r.Helper()
	require.Equal(r, r.render(r.model), r.look(r.Store), r.story())
	r.compare(diskcache.Range{Order: diskcache.ByKey, Reverse: true})
	for _, key := range []string{"a", "n", "q-500000000000000"} {
		want := outcome(r.model.Get(key))
		got := outcome(r.Get(key))
		require.Equal(r, want.text, got.text, "%q; %s", key, r.story())
	}
	if r.anyOver() || r.uncounted {
		return
	}
	for _, prefix := range []string{"q", ""} {
		want, _ := r.model.QueueLen(prefix)
		got, err := r.QueueLen(prefix)
		require.NoError(r, err, r.story())
		require.Equal(r, want, got, "queue %q; %s", prefix, r.story())
	}
}

// survives checks what would be left if the process died now.
func (r *faultRun) survives() {
	r.Helper()
	s := r.open(r.disks.clone())
	r.explain(s, "after a kill")
	require.NoError(r, s.Close(), r.story())
}

// mostPending bounds how many changes may show: all subsets of those of several keys are tried.
const mostPending = 8

// settle sets keys anew of which too much may show, and removes what has expired if an operation goes
// by that.
func (r *faultRun) settle(op storeOp) {
	r.Helper()
	for len(r.pending) > mostPending {
		for k := range r.pending[0] {
			has(k, "settled")(r)
			break
		}
	}
	if op.counts && r.anyOver() {
		_, err := r.Expire()
		require.NoError(r, err, r.story())
		is := r.model.apply()
		is.expire()
		r.done(is)
	}
}

// anyOver reports whether there may be items that have expired.
func (r *faultRun) anyOver() bool {
	return r.model.anyExpired() || slices.ContainsFunc(r.pending, func(c change) bool { return r.model.apply(c).anyExpired() })
}

// explain checks that a store is as it was with some of what has failed, and returns how that is.
func (r *faultRun) explain(s diskcache.Store, when string) *model {
	r.Helper()
	is := r.look(s)
	var wholes, singles []change
	for _, c := range r.pending {
		if len(c) == 1 {
			singles = append(singles, c)
		} else {
			wholes = append(wholes, c)
		}
	}
	for set := range 1 << len(wholes) {
		var some []change
		for i, c := range wholes {
			if set>>i&1 == 1 {
				some = append(some, c)
			}
		}
		m := r.model.apply(some...).showing(is, singles)
		if got := r.render(m); slices.Equal(is, got) || len(r.pending) > 0 && slices.Equal(slices.Sorted(slices.Values(is)), slices.Sorted(slices.Values(got))) {
			return m.ordered(is)
		}
	}
	require.Equal(r, r.render(r.model), is, "%s, and with none of %d changes that had failed: %s", when, len(r.pending), r.story())
	return nil
}

// ordered has the items come in an order: two changes that have failed may have made the same of a
// key, at different times.
func (m *model) ordered(is []string) *model {
	for _, it := range m.items {
		if at := slices.Index(is, textOf(m.item(it))); at >= 0 {
			it.first = at - len(is)
		}
	}
	return m
}

// showing returns the state with those changes of one key that can be seen.
func (m *model) showing(is []string, singles []change) *model {
	for _, c := range singles {
		for k := range c {
			after := m.apply(c)
			text := shown(after, k)
			if now := shown(m, k); now != "" && slices.Contains(is, now) {
				continue
			}
			there := slices.ContainsFunc(is, func(s string) bool { return strings.HasPrefix(s, fmt.Sprintf("%q ", k)) })
			if text == "" && !there || text != "" && slices.Contains(is, text) {
				m = after
			}
		}
	}
	return m
}

// reopen closes the store, which may tell of what the background has met, and opens it again.
func (r *faultRun) reopen() {
	r.Helper()
	r.note("reopen")
	if err := r.Store.Close(); err != nil {
		require.True(r, named(err), "an error that names nothing: %v; %s", err, r.story())
	}
	r.goOn(r.disks, "opened again")
}

// die has the process end without a word, and another one go on.
func (r *faultRun) die() {
	r.Helper()
	r.note("die")
	left := r.disks.clone()
	_ = r.Store.Close() // of no consequence: it is another's disks
	r.goOn(left, "after a kill")
}

func (r *faultRun) goOn(d *Disks, when string) {
	r.Helper()
	r.disks, r.before = d, d.heal()
	r.Store = r.open(d)
	r.done(r.explain(r.Store, when)) // what does not show yet may after the death of this process, too
}

func (r *faultRun) story() string { return "after\n" + strings.Join(r.log, "\n") }
