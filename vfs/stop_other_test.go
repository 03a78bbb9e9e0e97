//go:build !unix

package vfs_test

import (
	"errors"
	"os"
)

func stop(*os.Process) error { return errors.ErrUnsupported }
