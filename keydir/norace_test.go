//go:build !race

package keydir

const raceEnabled = false
