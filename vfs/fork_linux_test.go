package vfs_test

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/go-diskcache/diskcache/vfs"
)

// fork makes a copy of this process, as a program does that has Go in it as a
// library. Only this thread is in the copy, so child must not need the runtime:
// no allocation, no locks, no calls but raw ones. What it returns is the copy's
// exit status.
//
//go:norace
func fork(child func() uintptr) (pid int, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	flags, stack := uintptr(syscall.SIGCHLD), uintptr(0)
	if runtime.GOARCH == "s390x" {
		flags, stack = stack, flags
	}
	id, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, flags, stack, 0, 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	if id == 0 {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, child(), 0, 0)
	}
	return int(id), nil
}

// forkRole forks, and expects only the child to be told.
func forkRole() error {
	const no, yes = 10, 11
	g := vfs.NewForkGuard()
	if g.Forked() {
		return errors.New("forked from the beginning")
	}
	pid, err := fork(func() uintptr {
		if g.Forked() {
			return yes
		}
		return no
	})
	if err != nil {
		return err
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, 0, nil); err != nil {
		return err
	}
	if g.Forked() {
		return errors.New("the child's fork is taken for its parent's")
	}
	if vfs.NewForkGuard().Forked() {
		return errors.New("a new guard knows of the old fork")
	}
	fmt.Println("child:", status.ExitStatus() == yes)
	return nil
}

// forkSitting forks a child that sits there until standard input ends.
func forkSitting() error {
	var b [1]byte
	_, err := fork(func() uintptr {
		for {
			n, _, errno := syscall.RawSyscall(syscall.SYS_READ, 0, uintptr(unsafe.Pointer(&b)), 1)
			if errno == 0 && n == 0 || errno != 0 && errno != syscall.EINTR {
				return 0
			}
		}
	})
	return err
}

func TestForkGuard(t *testing.T) {
	out, err := command(t.TempDir(), "fork").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "child: true\n", string(out))
}
