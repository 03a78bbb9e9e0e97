//go:build race

package keydir

const raceEnabled = true
