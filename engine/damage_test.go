package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDamageDir(t *testing.T) {
	d := newDamageDir(t)
	for name, c := range d.files {
		t.Log(name, len(c))
	}
	t.Log(d.size(), len(d.versions))
	e, err := Open(d.mem(), damageOptions(damageNow))
	require.NoError(t, err)
	require.NoError(t, d.verify(e))
	p, err := e.Check(false)
	require.NoError(t, err)
	require.Empty(t, p)
	require.NoError(t, kill(e))
}
