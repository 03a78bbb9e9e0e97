// Package vfstest is the suite that every vfs.FS passes: what the engine
// relies on, whatever is below it.
//
//	func TestMine(t *testing.T) {
//		vfstest.Run(t, func(t *testing.T) vfs.FS { return mine(t) })
//	}
package vfstest

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// Run runs the suite. open returns an empty directory that is used for one
// test; Run closes it.
func Run(t *testing.T, open func(t *testing.T) vfs.FS) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, d vfs.FS)
	}{
		{"Create", testCreate},
		{"Open", testOpen},
		{"OpenWrite", testOpenWrite},
		{"ReadAt", testReadAt},
		{"WriteAt", testWriteAt},
		{"Closed", testClosed},
		{"Remove", testRemove},
		{"Rename", testRename},
		{"Mkdir", testMkdir},
		{"List", testList},
		{"Stat", testStat},
		{"Sync", testSync},
		{"Names", testNames},
		{"Errors", testErrors},
		{"Map", testMap},
		{"Lock", testLock},
		{"LockTaken", testLockTaken},
		{"LockText", testLockText},
		{"LockRace", testLockRace},
		{"Page", testPage},
		{"PageWake", testPageWake},
		{"Concurrent", testConcurrent},
		{"Model", testModel},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := open(t)
			test.run(t, d)
			require.NoError(t, d.Close())
		})
	}
}

// write makes a file.
func write(t *testing.T, d vfs.FS, name, text string) {
	t.Helper()
	f, err := d.Create(name)
	require.NoError(t, err)
	if text != "" {
		n, err := f.WriteAt([]byte(text), 0)
		require.NoError(t, err)
		require.Equal(t, len(text), n)
	}
	require.NoError(t, f.Close())
}

// read reads a file that is expected to be there.
func read(t *testing.T, d vfs.FS, name string) string {
	t.Helper()
	f, err := d.Open(name)
	require.NoError(t, err)
	text := content(t, f)
	require.NoError(t, f.Close())
	return text
}

func content(t *testing.T, f vfs.File) string {
	t.Helper()
	size, err := f.Size()
	require.NoError(t, err)
	b := make([]byte, size)
	n, err := f.ReadAt(b, 0)
	require.True(t, err == nil || err == io.EOF && n == len(b), "%d of %d: %v", n, size, err)
	return string(b)
}

func testCreate(t *testing.T, d vfs.FS) {
	f, err := d.Create("a")
	require.NoError(t, err)
	_, err = d.Create("a")
	require.ErrorIs(t, err, fs.ErrExist)

	_, err = f.WriteAt([]byte("hello"), 0)
	require.NoError(t, err)
	require.Equal(t, "hello", content(t, f), "the handle reads too")
	require.Equal(t, "hello", read(t, d, "a"), "others see it before a sync")
	require.NoError(t, f.Close())

	_, err = d.Create("missing/a")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, d.Mkdir("sub"))
	_, err = d.Create("sub")
	require.ErrorIs(t, err, fs.ErrExist)
	write(t, d, "sub/a", "other")
	require.Equal(t, "other", read(t, d, "sub/a"))
	require.Equal(t, "hello", read(t, d, "a"))
}

func testOpen(t *testing.T, d vfs.FS) {
	_, err := d.Open("a")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = d.Open("sub/a")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, d.Mkdir("sub"))
	_, err = d.Open("sub")
	require.ErrorIs(t, err, vfs.ErrNotRegular)

	write(t, d, "a", "hello")
	_, err = d.Open("a/b")
	require.ErrorIs(t, err, vfs.ErrNotDir)

	f, err := d.Open("a")
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("x"), 0)
	require.Error(t, err, "it is open for reading only")
	require.Equal(t, "hello", content(t, f))
	require.NoError(t, f.Close())
}

// testOpenWrite: a file is written in its place, and who opens it afterwards sees that.
func testOpenWrite(t *testing.T, d vfs.FS) {
	_, err := d.OpenWrite("a")
	require.ErrorIs(t, err, fs.ErrNotExist, "it makes nothing")
	require.NoError(t, d.Mkdir("sub"))
	_, err = d.OpenWrite("sub")
	require.ErrorIs(t, err, vfs.ErrNotRegular)

	write(t, d, "a", "hello")
	f, err := d.OpenWrite("a")
	require.NoError(t, err)
	require.Equal(t, "hello", content(t, f), "nothing is cut off")
	_, err = f.WriteAt([]byte("LL"), 2)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("!"), 5)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
	require.Equal(t, "heLLo!", read(t, d, "a"))
	_, err = f.WriteAt([]byte("x"), 0)
	require.Error(t, err, "it is closed")

	l, err := d.Locks("a")
	require.NoError(t, err)
	_, err = d.OpenWrite("a")
	require.ErrorIs(t, err, vfs.ErrLocked, "to close it would drop the locks")
	require.NoError(t, l.Close())
}

func testReadAt(t *testing.T, d vfs.FS) {
	text := strings.Repeat("0123456789", 1000) // more than a page
	write(t, d, "a", text)
	f, err := d.Open("a")
	require.NoError(t, err)
	defer f.Close()
	size := len(text)
	for _, test := range []struct {
		off, n, want int
		eof          bool
	}{
		{0, 0, 0, false},
		{0, 1, 1, false},
		{4090, 20, 20, false},
		{0, size, size, false},
		{1, size, size - 1, true},
		{size - 1, 1, 1, false},
		{size - 1, 2, 1, true},
		{size, 1, 0, true},
		{size + 5000, 1, 0, true},
	} {
		b := make([]byte, test.n)
		n, err := f.ReadAt(b, int64(test.off))
		require.Equal(t, test.want, n, "%+v", test)
		if test.eof {
			require.Equal(t, io.EOF, err, "%+v", test)
		} else {
			require.NoError(t, err, "%+v", test)
		}
		if n > 0 {
			require.Equal(t, text[test.off:test.off+n], string(b[:n]))
		}
	}
	_, err = f.ReadAt(make([]byte, 1), -1)
	require.Error(t, err)
}

func testWriteAt(t *testing.T, d vfs.FS) {
	f, err := d.Create("a")
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteAt([]byte("x"), -1)
	require.Error(t, err)
	n, err := f.WriteAt(nil, 0)
	require.NoError(t, err)
	require.Zero(t, n)
	require.Equal(t, "", content(t, f))

	_, err = f.WriteAt([]byte("end"), 10000)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("\x00", 10000)+"end", content(t, f), "what was skipped is zero")
	_, err = f.WriteAt([]byte("middle"), 4093)
	require.NoError(t, err)
	want := strings.Repeat("\x00", 4093) + "middle" + strings.Repeat("\x00", 10000-4099) + "end"
	require.Equal(t, want, content(t, f))

	b := []byte("mine")
	_, err = f.WriteAt(b, 0)
	require.NoError(t, err)
	copy(b, "else")
	require.Equal(t, "mine", content(t, f)[:4], "the buffer stays the caller's")
}

func testClosed(t *testing.T, d vfs.FS) {
	f, err := d.Create("a")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	_, err = f.ReadAt(make([]byte, 1), 0)
	require.ErrorIs(t, err, fs.ErrClosed)
	_, err = f.WriteAt(make([]byte, 1), 0)
	require.ErrorIs(t, err, fs.ErrClosed)
	_, err = f.Size()
	require.ErrorIs(t, err, fs.ErrClosed)
	require.ErrorIs(t, f.Sync(), fs.ErrClosed)
	require.ErrorIs(t, f.Close(), fs.ErrClosed)
}

func testRemove(t *testing.T, d vfs.FS) {
	require.ErrorIs(t, d.Remove("a"), fs.ErrNotExist)
	write(t, d, "a", "hello")
	f, err := d.Open("a")
	require.NoError(t, err)
	require.NoError(t, d.Remove("a"))
	require.Equal(t, "hello", content(t, f), "an open handle keeps the file")
	kept := keepsName(d, "a")
	if kept {
		require.NoError(t, f.Close())
		requireGone(t, d, "a")
	}
	_, err = d.Open("a")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.True(t, vfs.IsGone(err))
	require.ErrorIs(t, d.Remove("a"), fs.ErrNotExist)
	write(t, d, "a", "another")
	require.Equal(t, "another", read(t, d, "a"))
	if !kept {
		require.Equal(t, "hello", content(t, f))
		require.NoError(t, f.Close())
	}

	require.NoError(t, d.Mkdir("sub"))
	write(t, d, "sub/a", "")
	require.Error(t, d.Remove("sub"), "it is not empty")
	require.NoError(t, d.Remove("sub/a"))
	require.NoError(t, d.Remove("sub"))
	_, err = d.Stat("sub")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func testRename(t *testing.T, d vfs.FS) {
	require.ErrorIs(t, d.Rename("a", "b"), fs.ErrNotExist)
	write(t, d, "a", "new")
	write(t, d, "b", "old")
	f, err := d.Open("b")
	require.NoError(t, err)
	err = d.Rename("a", "b")
	if deniesReplacing(d, err) {
		require.NoError(t, f.Close())
		err = d.Rename("a", "b")
	} else {
		require.Equal(t, "old", content(t, f), "an open handle keeps the file that was replaced")
		require.NoError(t, f.Close())
	}
	require.NoError(t, err)
	require.Equal(t, "new", read(t, d, "b"))
	_, err = d.Stat("a")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, d.Rename("b", "b"))
	require.Equal(t, "new", read(t, d, "b"))

	require.ErrorIs(t, d.Rename("b", "sub/c"), fs.ErrNotExist)
	require.NoError(t, d.Mkdir("sub"))
	require.NoError(t, d.Rename("b", "sub/c"))
	require.NoError(t, d.Rename("sub/c", "sub/d"))
	require.NoError(t, d.Rename("sub/d", "e"))
	require.Equal(t, "new", read(t, d, "e"))
	list, err := d.List("sub")
	require.NoError(t, err)
	require.Empty(t, list)
	require.Error(t, d.Rename("e", "sub"), "a file does not replace a directory")
}

// keepsName: some network disks keep the name of what was removed until it is closed.
func keepsName(d vfs.FS, name string) bool {
	if d.Local() {
		return false
	}
	_, err := d.Stat(name)
	f, err1 := d.Open(name)
	if err1 == nil {
		err1 = f.Close()
	}
	return err == nil || err1 == nil
}

// requireGone expects a name that was removed to go once nobody has it open, on
// SMB a moment later.
func requireGone(t *testing.T, d vfs.FS, name string) {
	t.Helper()
	if keepsName(d, name) {
		require.Eventually(t, func() bool { return !keepsName(d, name) }, 10*time.Second, 50*time.Millisecond)
	}
}

// deniesReplacing: some network disks do not replace a file that is open.
func deniesReplacing(d vfs.FS, err error) bool {
	return !d.Local() && errors.Is(err, fs.ErrPermission)
}

func testMkdir(t *testing.T, d vfs.FS) {
	require.NoError(t, d.Mkdir("sub"))
	write(t, d, "sub/a", "hello")
	require.NoError(t, d.Mkdir("sub"), "it is there already")
	require.Equal(t, "hello", read(t, d, "sub/a"))
	write(t, d, "file", "")
	require.ErrorIs(t, d.Mkdir("file"), vfs.ErrNotDir)

	require.NoError(t, d.Remove("sub/a"))
	require.NoError(t, d.Remove("sub"))
	_, err := d.Create("sub/a")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, d.Mkdir("sub"), "removed and made again")
	write(t, d, "sub/a", "again")
	require.Equal(t, "again", read(t, d, "sub/a"))
}

func testList(t *testing.T, d vfs.FS) {
	list, err := d.List(".")
	require.NoError(t, err)
	require.Empty(t, list)
	_, err = d.List("sub")
	require.ErrorIs(t, err, fs.ErrNotExist)
	write(t, d, "file", "")
	_, err = d.List("file")
	require.ErrorIs(t, err, vfs.ErrNotDir)
	require.NoError(t, d.Remove("file"))

	for _, name := range []string{"c", "a", "b10", "b9", "B"} {
		write(t, d, name, name+name)
	}
	require.NoError(t, d.Mkdir("sub"))
	write(t, d, "sub/x", "1")
	list, err = d.List(".")
	require.NoError(t, err)
	var names []string
	for _, info := range list {
		names = append(names, info.Name)
		require.Equal(t, info.Name == "sub", info.Dir, info.Name)
		require.Equal(t, info.Name != "sub", info.Regular, info.Name)
		if info.Regular {
			require.EqualValues(t, 2*len(info.Name), info.Size)
			require.False(t, info.ModTime.IsZero())
		}
	}
	require.Equal(t, []string{"B", "a", "b10", "b9", "c", "sub"}, names)
	list, err = d.List("sub")
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "x", list[0].Name, "without the directory")
}

func testStat(t *testing.T, d vfs.FS) {
	_, err := d.Stat("a")
	require.ErrorIs(t, err, fs.ErrNotExist)
	info, err := d.Stat(".")
	require.NoError(t, err)
	require.True(t, info.Dir)
	require.NoError(t, d.Mkdir("sub"))
	write(t, d, "sub/a", "hello")
	info, err = d.Stat("sub/a")
	require.NoError(t, err)
	require.Equal(t, "a", info.Name)
	require.EqualValues(t, 5, info.Size)
	require.True(t, info.Regular)
	require.False(t, info.Dir)
	info, err = d.Stat("sub")
	require.NoError(t, err)
	require.True(t, info.Dir)
	require.False(t, info.Regular)
}

func testSync(t *testing.T, d vfs.FS) {
	f, err := d.Create("a")
	require.NoError(t, err)
	require.NoError(t, f.Sync(), "nothing to sync")
	_, err = f.WriteAt([]byte("hello"), 0)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())

	f, err = d.Open("a")
	require.NoError(t, err)
	require.NoError(t, f.Sync(), "what another handle wrote")
	require.NoError(t, f.Close())
	require.NoError(t, d.SyncDir("."))
	require.NoError(t, d.Mkdir("sub"))
	require.NoError(t, d.SyncDir("sub"))
	require.ErrorIs(t, d.SyncDir("missing"), fs.ErrNotExist)
	require.ErrorIs(t, d.SyncDir("a"), vfs.ErrNotDir)
}

// testNames: what is not a name never reaches the disk.
func testNames(t *testing.T, d vfs.FS) {
	for _, name := range []string{"", "/", "/a", "..", "../a", "a/..", "a/../b", "./a", "a/", "a//b", "a/b/c", `a\b`, "c:a", "a\x00b"} {
		_, err := d.Create(name)
		require.ErrorIs(t, err, fs.ErrInvalid, "%q", name)
		_, err = d.Open(name)
		require.ErrorIs(t, err, fs.ErrInvalid, "%q", name)
		_, err = d.OpenWrite(name)
		require.ErrorIs(t, err, fs.ErrInvalid, "%q", name)
		_, err = d.Stat(name)
		require.ErrorIs(t, err, fs.ErrInvalid, "%q", name)
		_, err = d.List(name)
		require.ErrorIs(t, err, fs.ErrInvalid, "%q", name)
		_, err = d.Locks(name)
		require.ErrorIs(t, err, fs.ErrInvalid, "%q", name)
		_, err = d.Page(name, 8)
		requireErrorIn(t, err, fs.ErrInvalid, errors.ErrUnsupported)
		require.ErrorIs(t, d.Remove(name), fs.ErrInvalid, "%q", name)
		require.ErrorIs(t, d.Rename(name, "x"), fs.ErrInvalid, "%q", name)
		require.ErrorIs(t, d.Mkdir(name), fs.ErrInvalid, "%q", name)
		require.ErrorIs(t, d.SyncDir(name), fs.ErrInvalid, "%q", name)
	}
	write(t, d, "x", "")
	require.ErrorIs(t, d.Rename("x", "../x"), fs.ErrInvalid)
	require.ErrorIs(t, d.Remove("."), fs.ErrInvalid, "the directory itself stays")
	_, err := d.List("sub/sub")
	require.ErrorIs(t, err, fs.ErrInvalid)
}

// testErrors: every error says what was done to what.
func testErrors(t *testing.T, d vfs.FS) {
	write(t, d, "f", "x")
	f, err := d.Open("f")
	require.NoError(t, err)
	_, writeErr := f.WriteAt([]byte("x"), 0)
	_, mapErr := f.Map(-1)
	require.NoError(t, f.Close())
	_, readErr := f.ReadAt(make([]byte, 1), 0)
	_, sizeErr := f.Size()
	syncErr, closeErr := f.Sync(), f.Close()
	_, createErr := d.Create("f")
	_, openErr := d.Open("no")
	_, listErr := d.List("no")
	_, statErr := d.Stat("no")
	l, err := d.Locks("l")
	require.NoError(t, err)
	_, locksErr := d.Locks("l")
	_, _, takenErr := l.Taken(1, 0)
	require.NoError(t, l.Close())
	_, lockErr := l.TryLock(0)
	_, pageErr := d.Page("p", -1)
	for _, test := range []struct {
		op, name string
		err      error
	}{
		{"write", "f", writeErr},
		{"map", "f", mapErr},
		{"read", "f", readErr},
		{"size", "f", sizeErr},
		{"sync", "f", syncErr},
		{"close", "f", closeErr},
		{"create", "f", createErr},
		{"open", "no", openErr},
		{"list", "no", listErr},
		{"stat", "no", statErr},
		{"lock", "l", locksErr},
		{"lock", "l", lockErr},
		{"taken", "l", takenErr},
		{"page", "p", pageErr},
		{"remove", "no", d.Remove("no")},
		{"rename", "no", d.Rename("no", "f")},
		{"mkdir", "f", d.Mkdir("f")},
		{"syncdir", "no", d.SyncDir("no")},
	} {
		var path *fs.PathError
		require.True(t, errors.As(test.err, &path), "%s: %v", test.op, test.err)
		require.Equal(t, test.op, path.Op)
		require.True(t, strings.HasSuffix(path.Path, test.name), "%s: %v", test.op, test.err)
		var inner *fs.PathError
		require.False(t, errors.As(path.Err, &inner), "said twice: %v", test.err)
	}
}

// testMap: a mapping, where there is one, shows what is written.
func testMap(t *testing.T, d vfs.FS) {
	w, err := d.Create("a")
	require.NoError(t, err)
	defer w.Close()
	text := strings.Repeat("x", 10000)
	_, err = w.WriteAt([]byte(text), 0)
	require.NoError(t, err)
	f, err := d.Open("a")
	require.NoError(t, err)
	m, err := f.Map(10000)
	if errors.Is(err, errors.ErrUnsupported) {
		require.NoError(t, f.Close())
		t.Skip("files cannot be mapped")
	}
	require.NoError(t, err)
	require.True(t, d.Local())
	require.NoError(t, f.Close(), "the mapping stays")
	require.Equal(t, text, string(m.Bytes()))
	_, err = w.WriteAt([]byte("new"), 5000)
	require.NoError(t, err)
	require.Equal(t, "new", string(m.Bytes()[5000:5003]))
	require.NoError(t, d.Remove("a"))
	require.Equal(t, "new", string(m.Bytes()[5000:5003]))
	require.NoError(t, m.Close())
	require.Nil(t, m.Bytes())
	require.NoError(t, m.Close())
	for _, size := range []int64{0, -1} {
		_, err = w.Map(size)
		require.Error(t, err)
	}
}
