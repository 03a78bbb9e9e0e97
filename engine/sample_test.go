package engine

import (
	"math/rand/v2"
	"testing"
)

// sampleFrom returns where a test begins that looks at every n-th case only. In the short form that is
// elsewhere in each run, so that many runs see all cases, and is told with what fails; otherwise it is
// the first, and what is found is found again.
func sampleFrom(t *testing.T, n int) int {
	t.Helper()
	if n <= 1 || !raceEnabled && !testing.Short() {
		return 0
	}
	from := rand.IntN(n)
	t.Logf("every %d-th, from %d on", n, from)
	return from
}
