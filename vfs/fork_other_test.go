//go:build !linux

package vfs_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-diskcache/diskcache/vfs"
)

func forkRole() error { return errors.ErrUnsupported }

func forkSitting() error { return errors.ErrUnsupported }

func TestForkGuard(t *testing.T) {
	require.False(t, vfs.NewForkGuard().Forked())
}
