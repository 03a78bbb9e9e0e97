package vfstest

import (
	"errors"
	"io/fs"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// requireErrorIn expects one of several errors.
func requireErrorIn(t *testing.T, err error, wants ...error) {
	t.Helper()
	for _, want := range wants {
		if errors.Is(err, want) {
			return
		}
	}
	t.Fatalf("unexpected: %v", err)
}

// page opens a page, or skips the test where there are none.
func page(t *testing.T, d vfs.FS, name string, size int) vfs.Page {
	t.Helper()
	p, err := d.Page(name, size)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("memory cannot be shared")
	}
	require.NoError(t, err)
	return p
}

func testPage(t *testing.T, d vfs.FS) {
	p := page(t, d, "page", 4096)
	require.True(t, d.Local())
	require.Len(t, p.Words(), 512)
	for i := range p.Words() {
		require.Zero(t, p.Words()[i].Load())
	}
	info, err := d.Stat("page")
	require.NoError(t, err)
	require.True(t, info.Regular)
	require.EqualValues(t, 4096, info.Size)

	other := page(t, d, "page", 4096)
	p.Words()[0].Store(1)
	p.Words()[511].Store(math.MaxUint64)
	require.EqualValues(t, 1, other.Words()[0].Load())
	require.EqualValues(t, uint64(math.MaxUint64), other.Words()[511].Load())
	require.EqualValues(t, 2, other.Words()[0].Add(1))
	require.True(t, p.Words()[0].CompareAndSwap(2, 3))

	require.NoError(t, p.Close())
	require.Nil(t, p.Words())
	require.NoError(t, p.Close())
	require.EqualValues(t, 3, other.Words()[0].Load())
	short := page(t, d, "page", 8)
	require.Len(t, short.Words(), 1)
	require.EqualValues(t, 3, short.Words()[0].Load())
	require.NoError(t, short.Close())
	require.EqualValues(t, uint64(math.MaxUint64), other.Words()[511].Load(), "nothing was cut")
	require.NoError(t, other.Close())

	long := page(t, d, "page", 8192)
	require.EqualValues(t, 3, long.Words()[0].Load(), "it outlives who used it")
	require.Zero(t, long.Words()[1023].Load())
	require.NoError(t, d.Remove("page"))
	fresh := page(t, d, "page", 8)
	require.Zero(t, fresh.Words()[0].Load(), "another file is another page")
	long.Words()[0].Store(4)
	require.Zero(t, fresh.Words()[0].Load())
	require.NoError(t, long.Close())
	require.NoError(t, fresh.Close())

	for _, size := range []int{-8, 0, 1, 12, vfs.MaxPage + 8} {
		_, err := d.Page("bad", size)
		require.ErrorIs(t, err, fs.ErrInvalid)
	}
	require.NoError(t, d.Mkdir("sub"))
	_, err = d.Page("sub", 8)
	require.ErrorIs(t, err, vfs.ErrNotRegular)
	require.NoError(t, page(t, d, "sub/page", 8).Close())
	write(t, d, "file", "ABCDEFGHI")
	p = page(t, d, "file", 16)
	require.NotZero(t, p.Words()[0].Load(), "what was there stays")
	require.NoError(t, p.Close())

	l := locks(t, d, "lock")
	_, err = d.Page("lock", 8)
	require.ErrorIs(t, err, vfs.ErrLocked)
	require.NoError(t, l.Close())
}

// testPageWake: who waits is woken, and who need not wait does not.
func testPageWake(t *testing.T, d vfs.FS) {
	a, b := page(t, d, "page", 64), page(t, d, "page", 64)
	const never = time.Hour
	a.Wait(3, 1, never) // is 0
	a.Wait(3, 0, 0)
	a.Wait(3, 0, -1)
	a.Words()[3].Store(2)
	requireWaits(t, a, 3, 2)
	a.Wake(3) // nobody waits

	// Two hand a ball to and fro: a wake that is missed is an end of it.
	const rounds = 1000
	done := make(chan struct{})
	go func() {
		defer close(done)
		hit(a, rounds, 0)
	}()
	hit(b, rounds, 1)
	<-done
	require.EqualValues(t, 2+2*rounds, a.Words()[3].Load())

	// All who wait are woken.
	const waiters = 4
	var wg sync.WaitGroup
	for range waiters {
		wg.Go(func() {
			a.Words()[5].Add(1)
			a.Wake(5)
			for a.Words()[4].Load() == 0 {
				a.Wait(4, 0, never)
			}
		})
	}
	for n := uint64(0); n < waiters; n = b.Words()[5].Load() {
		b.Wait(5, n, never)
	}
	b.Words()[4].Store(1)
	b.Wake(4)
	wg.Wait()
	require.NoError(t, b.Close())
	require.NoError(t, a.Close())
}

// requireWaits expects a wait to last until its end, at least once in a while.
func requireWaits(t *testing.T, p vfs.Page, i int, old uint64) {
	t.Helper()
	const d = time.Millisecond
	for range 1000 {
		begin := time.Now()
		if p.Wait(i, old, d); time.Since(begin) >= d {
			return
		}
	}
	t.Fatal("it never waits")
}

// hit counts word 3 up, every second time.
func hit(p vfs.Page, rounds int, odd uint64) {
	for range rounds {
		for {
			now := p.Words()[3].Load()
			if now%2 == odd {
				break
			}
			p.Wait(3, now, time.Hour)
		}
		p.Words()[3].Add(1)
		p.Wake(3)
	}
}
