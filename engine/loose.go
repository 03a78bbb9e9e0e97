package engine

import (
	"errors"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/go-diskcache/diskcache/codec"
	"github.com/go-diskcache/diskcache/segment"
)

// loose are the value files that are not known to be on the disk, by the segments whose
// records name them. Where a Set promises nothing about a power cut, it does not wait for
// its file either; but a segment is synced only after the files that it names. So what is
// known to be on the disk of the log names files that are there, and a record behind that
// whose file is not whole is one that a power cut tore: Open leaves it out, and what it had
// replaced is there still.
type loose struct {
	e     *Engine
	bytes atomic.Int64

	settling sync.Mutex // held while files are synced; taken before mu

	mu     sync.Mutex
	files  map[uint64][]valueFile // by the ID of the segment
	failed map[uint64]error       // syncs that failed, which are not tried again, by the ID of the file
}

func (l *loose) init(e *Engine) {
	l.e = e
	l.bytes.Store(0)
	l.files = make(map[uint64][]valueFile)
	l.failed = make(map[uint64]error)
}

// mostLoose is how many bytes of files wait for a sync before one is asked for. Open reads as
// many after a crash, to see what of them is whole.
const mostLoose = 1 << 30

// note notes that a record of a segment names f. It comes before the record can be taken for
// one that a sync has covered.
func (l *loose) note(seg *segment.Segment, f valueFile) {
	l.mu.Lock()
	l.files[seg.ID] = append(l.files[seg.ID], f)
	l.mu.Unlock()
	if l.bytes.Add(f.Size) > mostLoose {
		l.e.bg.wantSync()
	}
}

func (l *loose) of(seg *segment.Segment) []valueFile {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.files[seg.ID]
	return list[:len(list):len(list)]
}

// settle puts the files on the disk that the records of a segment name which were committed
// before the call.
func (l *loose) settle(seg *segment.Segment) error {
	if len(l.of(seg)) == 0 {
		return nil
	}
	l.settling.Lock()
	defer l.settling.Unlock()
	list := l.of(seg)
	if len(list) == 0 {
		return nil
	}
	for _, f := range list {
		if err := l.sync(f); err != nil {
			return err
		}
	}
	if err := l.e.fsys.SyncDir(codec.ValuesDir); err != nil {
		return err
	}
	l.drop(seg.ID, len(list))
	return nil
}

// sync syncs one file. One that is gone was replaced by what is on the disk.
func (l *loose) sync(f valueFile) error {
	file, err := l.e.fsys.OpenWrite(codec.ValueName(f.ID))
	if err != nil {
		return ignoreGone(err)
	}
	if err = l.hasFailed(f.ID); err == nil {
		l.e.stats.syncs.Add(1)
		if err = file.Sync(); err != nil {
			l.fail(f.ID, err)
		}
	}
	return errors.Join(err, file.Close())
}

func (l *loose) fail(id uint64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed[id] = err
}

func (l *loose) hasFailed(id uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed[id]
}

// anyFailed reports whether a file that a segment names is known not to have been synced. Who met
// that has told of it; it may have been for another segment, if the record was moved since.
func (l *loose) anyFailed(seg *segment.Segment) bool {
	return slices.ContainsFunc(l.of(seg), func(f valueFile) bool { return l.hasFailed(f.ID) != nil })
}

func (l *loose) forgive(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.failed, id)
}

// drop forgets the first n files of a segment.
func (l *loose) drop(seg uint64, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropLocked(seg, n)
}

func (l *loose) dropLocked(seg uint64, n int) {
	for _, f := range l.files[seg][:n] {
		l.bytes.Add(-f.Size)
	}
	if l.files[seg] = l.files[seg][n:]; len(l.files[seg]) == 0 {
		delete(l.files, seg)
	}
}

// forget forgets the files of the segments of which others is true, unless some are being synced.
func (l *loose) forget(others func(seg uint64) bool) {
	if !l.settling.TryLock() {
		return
	}
	defer l.settling.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.files {
		if others(id) {
			l.dropLocked(id, len(l.files[id]))
		}
	}
}

// adopt adds what another has noted of segments that are in use.
func (l *loose) adopt(from *loose) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, list := range from.files {
		l.files[id] = append(l.files[id], list...)
	}
	l.bytes.Add(from.bytes.Load())
}

// leaveTorn leaves out of what a segment without a hint holds the records of commits up to last
// whose files a power cut has kept from the disk.
func (e *Engine) leaveTorn(h *history, last uint64) {
	isTorn := func(he codec.HintEntry) bool {
		return namesFile(&he) && he.Off >= h.stated && he.Seq <= last && e.isTorn(h.seg, he.Off)
	}
	first := slices.IndexFunc(h.entries, isTorn)
	if first < 0 {
		return
	}
	all := h.entries
	h.entries, h.lost = slices.Clone(all[:first]), append(h.lost, all[first])
	for _, he := range all[first+1:] {
		if isTorn(he) {
			h.lost = append(h.lost, he)
		} else {
			h.entries = append(h.entries, he)
		}
	}
}

// lostBytes returns how many bytes the records have that were left out. Where a later one of the
// key is there, the file was removed because its value was replaced: then nothing was lost.
func lostBytes(all []*history) (n int64) {
	newest := make(map[uint64]uint64) // sequence by hash
	for _, h := range all {
		for _, he := range h.lost {
			newest[he.Hash] = 0
		}
	}
	if len(newest) == 0 {
		return 0
	}
	for _, h := range all {
		for i := range h.entries {
			if seq, ok := newest[h.entries[i].Hash]; ok {
				newest[h.entries[i].Hash] = max(seq, h.entries[i].Seq)
			}
		}
	}
	for _, h := range all {
		for _, he := range h.lost {
			if he.Off >= h.seg.Front.Load() && newest[he.Hash] < he.Seq {
				n += he.Size
			}
		}
	}
	return n
}

// withoutTorn returns the entries of a log without those that its hint leaves out because of
// their files.
func withoutTorn(entries []codec.HintEntry, hint *codec.Hint) []codec.HintEntry {
	said := make(map[int64]bool, len(hint.Entries))
	for i := range hint.Entries {
		said[hint.Entries[i].Off] = true
	}
	return slices.DeleteFunc(slices.Clone(entries), func(he codec.HintEntry) bool { return namesFile(&he) && !said[he.Off] })
}

func namesFile(he *codec.HintEntry) bool {
	return he.Kind == codec.KindPut && he.Flags&codec.FlagFile != 0
}

// isTorn reports whether the file that a record names is not there, or not what was written.
// Where that cannot be found out now, who reads the value will.
func (e *Engine) isTorn(seg *segment.Segment, off int64) bool {
	rec, err := seg.Record(off)
	if err != nil {
		return false
	}
	f, err := e.openFile("", rec.Value)
	if err == nil {
		err = errors.Join(f.verify(), f.Close())
	}
	return errors.Is(err, ErrCorrupt)
}

// sealTorn seals the segments of which something was left out, before any other process
// reads them: that it was is known of their hints only.
func (r *recovery) sealTorn() {
	left := r.orphans[:0]
	for _, o := range r.orphans {
		if len(o.h.lost) > 0 {
			err := r.e.syncOrphan(o, true)
			r.e.faults.add("seal", err)
			if err == nil {
				continue
			}
		}
		left = append(left, o)
	}
	r.orphans = left
}

// rewrite makes of an operation that commits a record again, whose file could not be synced,
// one that sets the value anew: what was written to the file can be read, but may never reach
// the disk.
func (e *Engine) rewrite(op *Op) error {
	old := op.Value.ID
	f, err := e.openFile(string(op.Record.Key), op.Record.Value)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrCorrupt) {
		e.values.loose.forgive(old) // there is nothing to save
		return nil
	}
	if err != nil {
		return err
	}
	ref, err := e.values.create(nil, f, true)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	rec := codec.Record{
		Kind: codec.KindPut, Key: op.Record.Key, Hash: op.Record.Hash, Flags: codec.FlagFile,
		Expires: op.Record.Expires, Tag: op.Record.Tag, User: op.Record.User,
		Value: codec.AppendFileRef(nil, &ref),
	}
	rec.RawLen = uint32(len(rec.Value))
	rec.Digest()
	*op = Op{Record: rec, Value: valueFile{ref.ID, ref.Size}, OnlyAt: op.From}
	return nil
}
