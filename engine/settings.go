package engine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/evict"
	"github.com/go-diskcache/diskcache/vfs"
)

// Settings are the options that belong to a directory: it keeps them, and they may change while
// processes have it open.
type Settings struct {
	SizeLimit, CountLimit, MinFreeSpace int64
	Policy                              Policy
	CullLimit                           int
	FileThreshold                       int64
	Compression                         Compression
}

// settings are what an engine goes by. They are never changed, but replaced.
type settings struct {
	Settings
	policy      Policy // that it has: Settings.Policy is for those who open the directory next
	segmentSize int64
}

// settings returns what the engine goes by now.
func (e *Engine) settings() *settings { return e.set.Load() }

// of returns the settings among options, after defaults.
func (o *Options) settings() Settings {
	return Settings{
		SizeLimit: o.SizeLimit, CountLimit: o.CountLimit, MinFreeSpace: o.MinFreeSpace, Policy: o.Policy,
		CullLimit: o.CullLimit, FileThreshold: o.FileThreshold, Compression: o.Compression,
	}
}

// withStored puts what the directory says in the place of options that are not given.
func (o Options) withStored(stored *Settings) Options {
	s := o.settings()
	s.inherit(stored)
	return o.with(&s)
}

// with returns the options with other settings.
func (o Options) with(s *Settings) Options {
	o.SizeLimit, o.CountLimit, o.MinFreeSpace, o.Policy = s.SizeLimit, s.CountLimit, s.MinFreeSpace, s.Policy
	o.CullLimit, o.FileThreshold, o.Compression = s.CullLimit, s.FileThreshold, s.Compression
	return o
}

// inherit gives settings that are zero the values of others.
func (s *Settings) inherit(o *Settings) {
	setIfZero(&s.SizeLimit, o.SizeLimit)
	setIfZero(&s.CountLimit, o.CountLimit)
	setIfZero(&s.MinFreeSpace, o.MinFreeSpace)
	setIfZero(&s.Policy, o.Policy)
	setIfZero(&s.CullLimit, o.CullLimit)
	setIfZero(&s.FileThreshold, o.FileThreshold)
	setIfZero(&s.Compression, o.Compression)
}

func setIfZero[T int | int64 | Policy | Compression](to *T, value T) {
	if *to == 0 {
		*to = value
	}
}

// goBy has the engine go by settings from now on. Its segments get no longer than they could
// be when it was opened: the places in its index have no room for more.
func (e *Engine) goBy(s Settings) {
	next := &settings{Settings: s, policy: e.opt.Policy, segmentSize: e.opt.SegmentSize}
	if s.SizeLimit > 0 {
		next.segmentSize = min(next.segmentSize, max(s.SizeLimit/leastSegments, minSegmentSize))
	}
	e.set.Store(next)
	e.evict.limits.Store(e.opt.Policy.Ranked() || next.limited())
}

// limited reports whether there is any limit.
func (s *settings) limited() bool { return s.SizeLimit > 0 || s.CountLimit > 0 || s.MinFreeSpace > 0 }

// fitSegments ends the segments that are longer than they are to be by now, or have more room
// reserved than there is: only what is sealed can be taken back. The caller holds the writer lock of
// the process.
func (e *Engine) fitSegments() {
	s := e.settings()
	tight := s.SizeLimit > 0 && s.SizeLimit < leastWindowed*e.files.Window
	was := e.files.Tight.Swap(tight)
	for i, a := range e.w.active {
		if a != nil && (a.Offset() > s.segmentSize || tight && !was && !a.Empty()) {
			e.bg.seal(a)
			e.w.active[i] = nil
		}
	}
}

// fileThreshold returns from which size on a value gets a file; < 0: never. Segments that were made
// for a lower one have no room for more.
func (e *Engine) fileThreshold() int64 {
	t := e.settings().FileThreshold
	if most := (e.layout.MaxFile() - codec.MaxKeyLen - codec.MaxTagLen) / 2; most > 0 && t > most { // 0 or less: it is closed
		return most
	}
	return t
}

// Settings returns the settings of the directory.
func (e *Engine) Settings() (Settings, error) {
	if err := e.closedNow(); err != nil {
		return Settings{}, err
	}
	return e.settings().Settings, nil
}

// Configure has fn change the settings of the directory, which it keeps from then on. No other
// change of them comes between. Other processes that have it open take them over.
func (e *Engine) Configure(fn func(*Settings)) error {
	if err := e.readsOnly(); err != nil {
		return err
	}
	if err := e.enter(e.life); err != nil {
		return err
	}
	defer e.leave()
	if e.w.closed {
		return ErrClosed
	}
	if err := e.settleSettings(); err != nil {
		return err
	}
	now := e.settings()
	next := now.Settings
	fn(&next)
	setIfZero(&next.FileThreshold, defaultFileThreshold)
	if err := e.allows(&next); err != nil {
		return err
	}
	if err := e.keepSettings(&next); err != nil || next == now.Settings {
		return err
	}
	e.goBy(next)
	e.fitSegments()
	e.faults.add("free space", e.lookAtVolume())
	return e.tellSettings()
}

// allows refuses settings that no directory, or not this one while it is open, can have.
func (e *Engine) allows(s *Settings) error {
	if _, err := e.opt.with(s).withDefaults(); err != nil {
		return err
	}
	if b := e.layout.PlaceBits; b < mostPlaceBits && s.SizeLimit > 8<<b/4 {
		return fmt.Errorf("%w: SizeLimit %d is more than the index was made for, %d: it takes an Open while nobody has the directory open", ErrOption, s.SizeLimit, int64(8)<<b/4)
	}
	return nil
}

// keepSettings writes settings to their file, if it does not have them. The caller has the
// writer lock.
func (e *Engine) keepSettings(s *Settings) error {
	before, size, err := readSettings(e.fsys)
	if err != nil && !errors.Is(err, ErrCorrupt) || err == nil && before.Generation > 0 && *settingsOf(&before) == *s {
		return err
	}
	f, err := e.fsys.OpenWrite(codec.SettingsName)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = e.fsys.Create(codec.SettingsName)
	}
	if err != nil {
		return writeError(err)
	}
	b := codec.AppendSettings(nil, &codec.Settings{
		Generation: before.Generation + 1, SizeLimit: s.SizeLimit, CountLimit: s.CountLimit, MinFreeSpace: s.MinFreeSpace,
		CullLimit: int64(s.CullLimit), FileThreshold: s.FileThreshold, Policy: uint32(s.Policy), Compression: uint32(s.Compression),
	})
	at := int64(before.Generation+1) % 2 * codec.SettingsStride
	_, err = f.WriteAt(b, at)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = e.fsys.SyncDir(".")
	}
	e.stats.disk.Add(max(at+codec.SettingsLen-size, 0))
	return writeError(err)
}

// readSettings returns the settings that a directory keeps; of generation 0 if there are none, and
// the size of their file. What of them cannot be read is ErrCorrupt, with those that can.
func readSettings(fsys vfs.FS) (last codec.Settings, size int64, err error) {
	f, err := fsys.Open(codec.SettingsName)
	if errors.Is(err, fs.ErrNotExist) {
		return last, 0, nil
	}
	if err != nil {
		return last, 0, err
	}
	defer f.Close()
	if size, err = f.Size(); err != nil {
		return last, 0, err
	}
	b := make([]byte, codec.SettingsStride+codec.SettingsLen)
	n, err := f.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return last, size, err
	}
	err = nil
	for at := 0; at <= codec.SettingsStride; at += codec.SettingsStride {
		place := b[min(at, n):min(at+codec.SettingsLen, n)]
		if empty(place) {
			continue // nothing was ever written there
		}
		s, perr := codec.ParseSettings(place)
		switch {
		case errors.Is(perr, codec.ErrVersion):
			return codec.Settings{}, size, versionError(perr)
		case perr != nil:
			err = &CorruptError{codec.SettingsName, int64(at), perr}
		case s.Generation > last.Generation:
			last = s
		}
	}
	return last, size, err
}

func empty(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

func settingsOf(s *codec.Settings) *Settings {
	return &Settings{
		SizeLimit: s.SizeLimit, CountLimit: s.CountLimit, MinFreeSpace: s.MinFreeSpace, Policy: evict.Policy(s.Policy),
		CullLimit: int(s.CullLimit), FileThreshold: s.FileThreshold, Compression: Compression(s.Compression),
	}
}

// openWithStored has the options that are not given be those that the directory keeps. It keeps
// the defaults where they cannot be read: that is no reason not to open it.
func (e *Engine) openWithStored() {
	if !e.opt.Stored {
		return
	}
	last, _, err := readSettings(e.fsys)
	if err != nil {
		e.faults.add("settings ignored", err)
	}
	if last.Generation == 0 {
		return
	}
	o, err := e.given.withStored(settingsOf(&last)).withDefaults()
	if err != nil { // they were made to look right
		e.faults.add("settings ignored", &CorruptError{codec.SettingsName, 0, err})
		return
	}
	o.Sync = e.opt.Sync // which may have been changed by where the directory is
	e.opt = o
}

// keepGiven has the directory keep the options that were given to Open, and those who have it open
// go by them.
func (e *Engine) keepGiven(first bool) error {
	switch {
	case !first:
		return e.Give(e.given.settings())
	case e.opt.Stored:
		return e.give(e.given.settings())
	}
	return nil
}

// Give has the directory keep those of the settings that are not zero, if it goes by others.
func (e *Engine) Give(given Settings) error {
	next := given
	now := e.settings().Settings
	if next.inherit(&now); next == now {
		return nil // and the lock, which somebody may have for long, is not needed
	}
	return e.give(given)
}

func (e *Engine) give(given Settings) error {
	if e.opt.ReadOnly || given == (Settings{}) {
		return nil
	}
	err := e.Configure(func(s *Settings) {
		given.inherit(s)
		*s = given
	})
	if err == nil || errors.Is(err, ErrOption) {
		return err
	}
	next, now := given, e.settings().Settings
	if next.inherit(&now); next != now {
		return err // else it would go by others without a word
	}
	e.faults.add("keep settings", err)
	return nil
}

// The words of the settings on the board are changed by who has the writer lock. wordSettings is
// odd meanwhile, and comes last: who reads it, then the others, and then it again, has all of
// one time.

// tellSettings puts the settings on the board.
func (e *Engine) tellSettings() error {
	b, s := &e.board, e.settings()
	if e.dir.whole.Load() {
		return nil
	}
	gen := b.w[wordSettings].Load() | 1
	b.w[wordSettings].Store(gen)
	b.w[wordOptions].Store(uint64(s.SizeLimit))
	b.w[wordOptions+1].Store(uint64(s.CountLimit))
	b.w[wordOptions+2].Store(uint64(s.MinFreeSpace))
	b.w[wordOptions+5].Store(uint64(s.FileThreshold))
	e.sayMore()
	e.knowsSettings.Store(gen + 1)
	return b.publish()
}

// sayMore puts on the board what comes last of the settings.
func (e *Engine) sayMore() {
	b, s := &e.board, e.settings()
	b.w[wordCull].Store(uint64(s.CullLimit))
	b.w[wordMore].Store(uint64(s.Policy) | uint64(s.Compression)<<8)
	b.w[wordSettings].Store((b.w[wordSettings].Load() | 1) + 1)
}

// settleSettings takes over what others have changed, and says it again where a process died as it
// did: the file has it then. The caller has the writer lock.
func (e *Engine) settleSettings() error {
	if e.board.w[wordSettings].Load()%2 == 0 {
		e.takeSettings()
		return nil
	}
	if err := e.goByStored(); err != nil {
		return err
	}
	return e.tellSettings()
}

// doubtSettings has them settled from the file: a process that died with the writer lock may have written
// them there, and told nobody. The caller has the writer lock.
func (e *Engine) doubtSettings() {
	e.takeSettings()
	e.board.w[wordSettings].Or(1)
}

// goByStored has the engine go by what the directory keeps, as far as that can be read. The caller has
// the writer lock.
func (e *Engine) goByStored() error {
	last, _, err := readSettings(e.fsys)
	if err != nil && !errors.Is(err, ErrCorrupt) {
		return readError(err)
	}
	if last.Generation > 0 {
		e.goBy(*settingsOf(&last))
		e.fitSegments()
	}
	return nil
}

// takeSettings takes over settings that another process has changed. The caller holds the writer lock
// of the process, or is the only one that knows it.
func (e *Engine) takeSettings() {
	b := &e.board
	if b.watch != nil || e.dir.whole.Load() {
		return
	}
	gen := b.w[wordSettings].Load()
	if gen == e.knowsSettings.Load() || gen%2 != 0 {
		return
	}
	more := b.w[wordMore].Load()
	s := Settings{
		SizeLimit: int64(b.w[wordOptions].Load()), CountLimit: int64(b.w[wordOptions+1].Load()), MinFreeSpace: int64(b.w[wordOptions+2].Load()),
		FileThreshold: int64(b.w[wordOptions+5].Load()), CullLimit: int(b.w[wordCull].Load()),
		Policy: Policy(more), Compression: Compression(more >> 8),
	}
	if b.w[wordSettings].Load() == gen {
		e.goBy(s)
		e.fitSegments()
		e.knowsSettings.Store(gen)
	}
}
