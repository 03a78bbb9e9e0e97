//go:build !unix && !windows

package vfs

import (
	"errors"
	"os"
)

type mapping struct{ data []byte }

func (*mapping) Close() error { return nil }

func (*osPage) mapShared(*os.File, int) error { return errors.ErrUnsupported }
