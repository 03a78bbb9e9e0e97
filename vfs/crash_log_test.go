package vfs_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/go-diskcache/diskcache/vfs"
)

// Does the simulation find what it is there to find? Here is a log in the
// simplest form that survives crashes, and the same with one mistake each,
// of those that stores have made. The right one must pass and every other fail.

// mistake is what is wrong with a log.
type mistake int

const (
	none mistake = iota
	nameNotSynced
	oldFileNotSynced
	saidTooEarly
	syncRetried
	sumNotChecked
	appendsToOld
	removedTooEarly
	activeCompacted
)

var mistakes = map[mistake]string{
	none:             "none",
	nameNotSynced:    "the directory is not synced when a file begins",
	oldFileNotSynced: "sync reaches only the newest file",
	saidTooEarly:     "said to be safe before it is synced",
	syncRetried:      "a failed sync is tried again",
	sumNotChecked:    "the sum is not checked",
	appendsToOld:     "goes on behind the torn end of an old file",
	removedTooEarly:  "an old file is removed before its copy is synced",
	activeCompacted:  "the file that is being written is compacted",
}

const (
	recordSize = 700 // so that it is torn between sectors
	perFile    = 4
)

// testLog keeps the numbers 1, 2, 3, … in files of a few records each.
type testLog struct {
	d     vfs.FS
	wrong mistake
	file  vfs.File
	name  string     // of file
	old   []vfs.File // not synced
	id    int        // of the newest file
	off   int64
	last  uint64
}

func record(n uint64) []byte {
	b := make([]byte, recordSize)
	for i := 12; i < recordSize; i++ {
		b[i] = byte(n) | 1
	}
	binary.LittleEndian.PutUint64(b[4:], n)
	binary.LittleEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:]))
	return b
}

func fileName(id int) string { return fmt.Sprintf("%04d", id) }

// openLog reads what is there: of each file as far as it is whole.
func openLog(d vfs.FS, wrong mistake) (*testLog, []uint64, error) {
	l := &testLog{d: d, wrong: wrong}
	list, err := d.List(".")
	if err != nil {
		return nil, nil, err
	}
	var numbers []uint64
	for _, info := range list {
		fmt.Sscanf(info.Name, "%d", &l.id)
		f, err := d.Open(info.Name)
		if err != nil {
			return nil, nil, err
		}
		b := make([]byte, recordSize)
		for l.off = 0; ; l.off += recordSize {
			if _, err := f.ReadAt(b, l.off); err != nil {
				break
			}
			n := binary.LittleEndian.Uint64(b[4:])
			if wrong != sumNotChecked && binary.LittleEndian.Uint32(b) != crc32.ChecksumIEEE(b[4:]) {
				break
			}
			l.last = max(l.last, n)
			numbers = append(numbers, n)
		}
		f.Close()
	}
	return l, numbers, nil
}

func (l *testLog) append() error {
	if l.file == nil || l.off >= perFile*recordSize {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	if _, err := l.file.WriteAt(record(l.last+1), l.off); err != nil {
		return err
	}
	l.last++
	l.off += recordSize
	return nil
}

func (l *testLog) rotate() (err error) {
	if l.file != nil {
		l.old = append(l.old, l.file)
	}
	l.id++
	l.off = 0
	l.name = fileName(l.id)
	if l.file, err = l.d.Create(l.name); err != nil {
		return err
	}
	if l.wrong == nameNotSynced {
		return nil
	}
	return l.d.SyncDir(".")
}

func (l *testLog) sync() error {
	if l.wrong != oldFileNotSynced {
		for _, f := range l.old {
			if err := l.syncFile(f); err != nil {
				return err
			}
		}
		l.old = nil
	}
	if l.file == nil {
		return nil
	}
	return l.syncFile(l.file)
}

func (l *testLog) syncFile(f vfs.File) error {
	err := f.Sync()
	if err != nil && l.wrong == syncRetried {
		err = f.Sync()
	}
	return err
}

// compact copies the oldest file, into a file of its own, and removes it.
func (l *testLog) compact() error {
	list, err := l.d.List(".")
	if err != nil || len(list) < 3 || list[0].Name == l.name && l.wrong != activeCompacted {
		return err
	}
	from, err := l.d.Open(list[0].Name)
	if err != nil {
		return err
	}
	b := make([]byte, list[0].Size)
	from.ReadAt(b, 0)
	from.Close()
	l.id++
	to, err := l.d.Create(fileName(l.id))
	if err != nil {
		return err
	}
	if _, err := to.WriteAt(b, 0); err != nil {
		return err
	}
	if l.wrong != removedTooEarly {
		if err := to.Sync(); err != nil {
			return err
		}
	}
	return errors.Join(l.d.SyncDir("."), to.Close(), l.d.Remove(list[0].Name))
}

// goOn makes the log go on in a file of an earlier life, which is wrong.
func (l *testLog) goOn() error {
	if l.wrong != appendsToOld || l.id == 0 {
		return nil
	}
	b, err := l.d.Open(fileName(l.id))
	if err != nil {
		return err
	}
	size, err := b.Size()
	if err != nil {
		return err
	}
	text := make([]byte, size)
	b.ReadAt(text, 0)
	b.Close()
	// A handle for writing comes only from Create; the copy has the torn end.
	if err := l.d.Remove(fileName(l.id)); err != nil {
		return err
	}
	if l.file, err = l.d.Create(fileName(l.id)); err != nil {
		return err
	}
	if _, err = l.file.WriteAt(text, 0); err != nil {
		return err
	}
	l.off = size
	return errors.Join(l.file.Sync(), l.d.SyncDir("."))
}

// promise is what has been said: all numbers up to it are safe.
type promise uint64

// live uses the log for a while.
func live(m *vfs.Mem, fault *vfs.Fault, l *testLog, r *rand.Rand) {
	for range 12 {
		if l.append() != nil {
			return
		}
		switch r.IntN(4) {
		case 0:
			last := l.last
			if l.wrong == saidTooEarly {
				m.Note(promise(last))
			}
			if r.IntN(4) == 0 {
				fault.Fail(vfs.Rule{Op: vfs.OpSync, Once: true})
			}
			err := l.sync()
			fault.Clear()
			if err != nil {
				return // this log gives up
			}
			m.Note(promise(last))
		case 1:
			if l.compact() != nil {
				return
			}
		}
	}
}

// checkLog says what a crash broke of the promises before it. What a crash
// before that took, and was allowed to take, is lost.
func checkLog(numbers []uint64, notes []any, lost map[uint64]bool) error {
	safe := promise(0)
	for _, n := range notes {
		safe = max(safe, n.(promise))
	}
	have := make(map[uint64]bool)
	for _, n := range numbers {
		have[n] = true
	}
	for n := uint64(1); n <= uint64(safe); n++ {
		if !have[n] && !lost[n] {
			return fmt.Errorf("%d of %d is lost", n, safe)
		}
	}
	for n := range have {
		if n == 0 || n > 1000 {
			return fmt.Errorf("%d was never written", n)
		}
	}
	return nil
}

// findMistake runs a log, crashes it everywhere, goes on with what is left of
// it, and crashes it again.
func findMistake(wrong mistake, seed uint64) (count int, err error) {
	r := rand.New(rand.NewPCG(seed, 0))
	m := vfs.NewMem()
	fault := vfs.NewFault(m)
	l, _, _ := openLog(fault, wrong)
	live(m, fault, l, r)
	o := vfs.CrashOptions{Seed: seed, PerPoint: 60, Garbage: seed%2 == 1}
	again := 0
	count = m.Crashes(o, func(img *vfs.Mem, c vfs.CrashPoint) bool {
		fault := vfs.NewFault(img)
		l, numbers, err1 := openLog(fault, wrong)
		if err = errors.Join(err1, checkLog(numbers, c.Notes, nil)); err != nil {
			return false
		}
		if r.IntN(50) > 0 {
			return true
		}
		img.Note(promise(l.last)) // after a crash all that is there is safe
		lost := make(map[uint64]bool)
		for n := uint64(1); n < l.last; n++ {
			lost[n] = !slices.Contains(numbers, n)
		}
		if err = l.goOn(); err != nil {
			return false
		}
		live(img, fault, l, r)
		o := o
		o.PerPoint = 20
		again += img.Crashes(o, func(img *vfs.Mem, c vfs.CrashPoint) bool {
			_, numbers, err1 := openLog(img, wrong)
			err = errors.Join(err1, checkLog(numbers, c.Notes, lost))
			return err == nil
		})
		return err == nil
	})
	return count + again, err
}

func TestCrashFindsMistakes(t *testing.T) {
	for wrong, name := range mistakes {
		t.Run(name, func(t *testing.T) {
			count, seeds := 0, uint64(40)
			if wrong == none {
				seeds = 15
			}
			for seed := range seeds {
				n, err := findMistake(wrong, seed)
				count += n
				if wrong == none && err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if wrong != none && err != nil {
					t.Logf("found after %d images: %v", count, err)
					return
				}
			}
			if wrong != none {
				t.Errorf("not found in %d images", count)
			}
			t.Log(count, "images")
		})
	}
}
