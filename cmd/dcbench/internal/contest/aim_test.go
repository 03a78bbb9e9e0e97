package contest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Each key has one goroutine that sets it, or else nobody could tell which version is the last.
func TestOwnKeys(t *testing.T) {
	const n, of = 103, 8
	p := &player{aim: aim{n: n}}
	for place := range of {
		for k := range uint64(n) {
			own := p.own(&worker{place: place, of: of}, k)
			assert.EqualValues(t, place, own%of)
			assert.Less(t, own, uint64(n))
		}
	}
}
