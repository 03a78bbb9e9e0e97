package vfs_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/go-diskcache/diskcache/vfs"
)

// The test binary runs itself: with childEnv set it is another process that
// uses the directory of that name, in the way that childRole says.
const (
	childEnv  = "VFS_TEST_CHILD"
	childRole = "VFS_TEST_ROLE"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := child(dir, os.Getenv(childRole)); err != nil {
			fmt.Println("error:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// child is the main function of the other process.
func child(dir, role string) error {
	if role == "sit" { // until standard input ends
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	}
	d, err := vfs.OpenDir(dir, vfs.DirOptions{})
	if err != nil {
		return err
	}
	switch role {
	case "hold": // until standard input ends
		if _, err := take(d, "the child", held...); err != nil {
			return err
		}
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin)
		return nil // without releasing
	case "hold with child": // that outlives us
		if _, err := take(d, "the child", held...); err != nil {
			return err
		}
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), childRole+"=sit")
		c.Stdin = os.Stdin
		if err := c.Start(); err != nil {
			return err
		}
		fmt.Println("ready")
		select {}
	case "try":
		l, err := take(d, "one who tries", 0)
		var locked *vfs.LockedError
		if errors.As(err, &locked) {
			fmt.Println("locked by", locked.Holder)
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Println("free")
		return l.Close()
	case "count":
		return count(d)
	case "hit":
		return pageRole(d, false)
	case "hit and wait":
		return pageRole(d, true)
	case "fork":
		return forkRole()
	case "hold with forked child": // that outlives us
		if _, err := take(d, "the child", held...); err != nil {
			return err
		}
		if err := forkSitting(); err != nil {
			return err
		}
		fmt.Println("ready")
		select {}
	}
	return fmt.Errorf("no role %q", role)
}

// held are the locks that a child holds.
var held = []int{0, 5, 6, 7, 300, vfs.MaxLocks - 1}

// take opens the lock file and takes locks, with a text about the first of them.
func take(d vfs.FS, text string, numbers ...int) (vfs.Locks, error) {
	l, err := d.Locks("lock")
	if err != nil {
		return nil, err
	}
	for _, i := range numbers {
		switch ok, err := l.TryLock(i); {
		case err != nil:
			return nil, errors.Join(err, l.Close())
		case !ok:
			return nil, errors.Join(&vfs.LockedError{Name: "lock", Holder: l.Text(i)}, l.Close())
		}
	}
	l.SetText(numbers[0], text)
	return l, nil
}

// command is a child that was not started yet.
func command(dir, role string) *exec.Cmd {
	c := exec.Command(os.Args[0])
	// A race detector waits a second before its process may end.
	c.Env = append(os.Environ(), childEnv+"="+dir, childRole+"="+role, "GORACE=atexit_sleep_ms=0")
	return c
}

// start starts a child and waits until it is ready.
func start(t *testing.T, dir, role string) (c *exec.Cmd, stdin io.Closer) {
	t.Helper()
	c = command(dir, role)
	in, err := c.StdinPipe()
	require.NoError(t, err)
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		in.Close()
		c.Process.Kill()
		c.Wait()
	})
	line, _ := bufio.NewReader(out).ReadString('\n')
	require.Equal(t, "ready\n", line)
	return c, in
}

// try is what another process says about the lock.
func try(t *testing.T, dir string) string {
	t.Helper()
	out, err := command(dir, "try").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func openAt(t *testing.T, path string) vfs.FS {
	t.Helper()
	d, err := vfs.OpenDir(path, vfs.DirOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { d.Close() })
	return d
}
