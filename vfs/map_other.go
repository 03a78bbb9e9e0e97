//go:build !unix && !windows

package vfs

import (
	"errors"
	"os"
)

func mapFile(*os.File, int64) (Mapping, error) { return nil, errors.ErrUnsupported }
