package vfs_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/go-diskcache/diskcache/vfs"
)

func ExampleOpenDir() {
	dir, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(dir)
	d, err := vfs.OpenDir(filepath.Join(dir, "cache"), vfs.DirOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()

	const writer = 0
	locks, err := d.Locks("lock")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(locks.TryLock(writer))
	locks.SetText(writer, "the first, since Monday")
	fmt.Println(locks.TryLock(writer))
	fmt.Println("held by", locks.Text(writer))

	_, err = d.Locks("lock")
	fmt.Println(errors.Is(err, vfs.ErrLocked))
	// Output:
	// true <nil>
	// false <nil>
	// held by the first, since Monday
	// true
}

func ExampleNewFault() {
	save := func(d vfs.FS) error {
		f, err := d.Create("f")
		if err != nil {
			return err
		}
		_, err = f.WriteAt([]byte("text"), 0)
		return errors.Join(err, f.Sync(), f.Close())
	}
	for n := 1; ; n++ {
		d := vfs.NewFault(vfs.NewMem())
		d.Fail(vfs.Rule{Nth: n, Once: true, Err: errors.New("no luck")})
		err := save(d)
		if d.Fired() == 0 {
			break
		}
		fmt.Println(err)
	}
	// Output:
	// create f: no luck
	// write f: no luck
	// sync f: no luck
	// close f: no luck
}

func ExampleNewRetry() {
	disk := vfs.NewFault(vfs.NewMem())
	disk.Fail(vfs.Rule{Op: vfs.OpMkdir, Once: true, Err: syscall.EINTR})
	d := vfs.NewRetry(disk, vfs.RetryOptions{Sleep: func(w time.Duration) { fmt.Println("waiting", w) }})
	fmt.Println(d.Mkdir("values"))
	// Output:
	// waiting 5ms
	// <nil>
}
