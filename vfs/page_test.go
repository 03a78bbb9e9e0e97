package vfs_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

// The words of the page that processes play with.
const (
	ball   = iota // who hits it counts it up, in turns
	marked        // by the one who is killed
	never         // changed by nobody
	pageWords
)

const (
	rounds   = 300
	patience = 20 * time.Second // longer than any wait in a test that passes
)

func sharedPage(d vfs.FS) (vfs.Page, error) { return d.Page("page", 8*pageWords) }

// hit counts the ball up whenever it is even or odd, as said.
func hit(p vfs.Page, odd uint64) error {
	for range rounds {
		for {
			now := p.Words()[ball].Load()
			if now%2 == odd {
				break
			}
			begin := time.Now()
			p.Wait(ball, now, patience)
			if time.Since(begin) >= patience {
				return errors.New("nobody woke")
			}
		}
		p.Words()[ball].Add(1)
		p.Wake(ball)
	}
	return nil
}

// pageRole is another process, which hits the ball, and then perhaps waits for
// what never comes.
func pageRole(d vfs.FS, wait bool) error {
	p, err := sharedPage(d)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	if err := hit(p, 1); err != nil || !wait {
		return err
	}
	p.Words()[marked].Add(1)
	p.Wake(marked)
	for {
		p.Wait(never, 0, time.Hour)
	}
}

// waitWord waits until a word is what it should be.
func waitWord(t *testing.T, p vfs.Page, i int, want uint64) {
	t.Helper()
	end := time.Now().Add(patience)
	for has := p.Words()[i].Load(); has != want; has = p.Words()[i].Load() {
		require.True(t, time.Now().Before(end), "word %d is %d, not %d", i, has, want)
		p.Wait(i, has, patience)
	}
}

// TestPageProcesses: two processes hand a ball to and fro, and every wake wakes
// the other. One that is killed while it waits takes nothing with it.
func TestPageProcesses(t *testing.T) {
	dir := t.TempDir()
	d := openAt(t, dir)
	p, err := sharedPage(d)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	require.NoError(t, err)
	defer p.Close()
	for n := range uint64(3) {
		c, _ := start(t, dir, "hit and wait")
		require.NoError(t, hit(p, 0))
		waitWord(t, p, marked, n+1)
		require.NoError(t, c.Process.Kill())
		c.Wait()
		require.Equal(t, (n+1)*2*rounds, p.Words()[ball].Load())
	}
	c, _ := start(t, dir, "hit")
	require.NoError(t, hit(p, 0))
	require.NoError(t, c.Wait())
	require.EqualValues(t, 4*2*rounds, p.Words()[ball].Load())
}

// TestPageGrow: a file that is too short is made longer, one that is longer
// stays, and what is there stays in either case.
func TestPageGrow(t *testing.T) {
	for _, text := range []string{"", "12345678", "123456789", "a text that is longer than the page will be by far"} {
		path := t.TempDir()
		d := openAt(t, path)
		require.NoError(t, os.WriteFile(filepath.Join(path, "page"), []byte(text), 0o600))
		p, err := d.Page("page", 24)
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skip(err)
		}
		require.NoError(t, err)
		require.NoError(t, p.Close())
		b, err := os.ReadFile(filepath.Join(path, "page"))
		require.NoError(t, err)
		require.Equal(t, text+string(make([]byte, max(0, 24-len(text)))), string(b))
	}
}
