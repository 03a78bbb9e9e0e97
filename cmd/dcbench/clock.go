package main

import "github.com/go-diskcache/diskcache/internal/history"

// monotonic is the clock of histories.
func monotonic() int64 { return history.Now() }

const canTorture = history.Shared
